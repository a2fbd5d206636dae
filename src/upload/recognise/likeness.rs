//! Whether a file is an input under another name, or another file under its name.

use super::{RecogniseError, Recogniser, is_its_own};
use crate::domain::{InputIdentity, RawRange};
use crate::input::{
    FoundFile, InputError, InputSettings, Location, Next, Start, Verifier, begin_alike,
    content_digest, copies, is_repacked, named_format, open_file,
};
use crate::ledger::{KnownInput, LedgerReader};
use crate::upload::row_end::{RowEnd, row_end};

/// Whether a file is an input of which the own file is gone: under another name, or compressed since.
pub fn stands_for(
    ledger: &LedgerReader,
    settings: &InputSettings,
    file: &FoundFile,
    input: &KnownInput,
) -> Result<bool, RecogniseError> {
    let recogniser = Recogniser {
        ledger,
        settings,
        verify: false,
        replay: true,
        named: std::slice::from_ref(file),
    };
    if is_its_own(file, input) {
        return Ok(!recogniser.has_only_its_inode(file, input)?);
    }
    Ok(recogniser.in_its_place(input)?.is_none() && recogniser.is_the_same(file, input, None)?)
}

impl Recogniser<'_> {
    /// Whether the file that an input was has gone, and another one has got its inode: it was made later,
    /// or, as long as nothing was read, it is neither called like that nor as old and as large.
    pub(super) fn has_only_its_inode(
        &self,
        file: &FoundFile,
        input: &KnownInput,
    ) -> Result<bool, RecogniseError> {
        let (Some(InputIdentity::File(before)), InputIdentity::File(now)) =
            (&input.identity, &file.identity)
        else {
            return Ok(false);
        };
        if input.name == file.location.to_string() || before == now {
            return Ok(false);
        }
        if file
            .location
            .made_ns()
            .is_some_and(|made| made > before.ctime_ns)
        {
            return Ok(true);
        }
        let is_untouched = (before.size, before.mtime_ns) == (now.size, now.mtime_ns);
        Ok(!is_untouched && self.ledger.last_chunk(input.id)?.is_none())
    }

    /// Whether the input's own file is another one of the command's.
    pub(super) fn has_moved(&self, input: &KnownInput, name: &str) -> bool {
        let place = input.identity.as_ref().and_then(InputIdentity::place);
        place.is_some()
            && self
                .named
                .iter()
                .any(|file| file.identity.place() == place && file.location.to_string() != name)
    }

    /// Whether a file that has neither the place nor the name of an input holds its rows: all that its
    /// own file does, if that is known, or else what was read of it, and maybe more.
    pub(super) fn is_the_same(
        &self,
        file: &FoundFile,
        input: &KnownInput,
        original: Option<&FoundFile>,
    ) -> Result<bool, RecogniseError> {
        if !self.is_called_alike(file, input) {
            return Ok(false);
        }
        if let (false, Some(original)) = (input.read_to_end, original) {
            return Ok(self.are_equal(original, file, input)?);
        }
        let repacked = is_repacked(&file.location.to_string(), &input.name);
        let chunks = self.ledger.chunks(input.id)?;
        let Some(last) = chunks.last().copied() else {
            // Whatever compresses a file leaves its time as it was.
            let same_time = file.identity.mtime_ns()
                == input.identity.as_ref().and_then(InputIdentity::mtime_ns);
            return Ok(repacked && original.is_none() && same_time);
        };
        match Verifier::verify(&file.location, self.settings, chunks) {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(false),
            // One that is cut off may have had them.
            Err(error) if error.is_truncated() => return Ok(repacked && original.is_none()),
            Err(error) => return Err(error.into()),
        }
        if !self.goes_on_after(&file.location, last)? {
            return Ok(true);
        }
        if let Some(original) = original {
            // Both may have grown.
            return Ok(self.are_equal(original, file, input)?);
        }
        if repacked {
            return Ok(true);
        }
        // What begins alike by chance goes on in the middle of a row, or behind a list that was closed.
        let end = row_end(
            self.ledger,
            (input.id, &last),
            &file.location,
            self.settings,
        )?;
        Ok(match end {
            RowEnd::Whole | RowEnd::Torn(_) => true,
            RowEnd::NoLines => !input.read_to_end,
            RowEnd::Continued => false,
        })
    }

    /// Whether the name of a file has it read in the format that an input was read in.
    pub(super) fn is_called_alike(&self, file: &FoundFile, input: &KnownInput) -> bool {
        let named = |name: &str| named_format(name, self.settings);
        named(&input.name) == named(&file.location.to_string())
    }

    /// Whether a file has the content of the own file of an input: as it is now, or, of one that is no
    /// differently compressed, as it was when it was registered.
    fn are_equal(
        &self,
        original: &FoundFile,
        file: &FoundFile,
        input: &KnownInput,
    ) -> Result<bool, InputError> {
        let mut as_it_was = original.clone();
        if let (true, Some(before)) = (is_its_own(original, input), &input.identity) {
            // What was appended to it since is no part of what may have been copied.
            as_it_was.identity = before.clone();
        }
        if !copies(&[&as_it_was, file], self.settings)?.is_empty() {
            return Ok(true);
        }
        if !begin_alike(&original.location, &file.location, self.settings) {
            return Ok(false);
        }
        let digest = |it: &FoundFile| content_digest(&it.location, self.settings);
        Ok(digest(original)? == digest(file)?)
    }

    /// The file of an input, if it is where it was and is no other one.
    pub(super) fn in_its_place(&self, input: &KnownInput) -> Result<Option<FoundFile>, InputError> {
        if !input.kind.is_stored() {
            return Ok(None);
        }
        let location = Location::of_name(&input.name);
        let identity = location.identity(&self.settings.stores)?;
        let there = identity.map(|identity| FoundFile { location, identity });
        Ok(there.filter(|now| is_its_own(now, input)))
    }

    /// Whether anything follows what was recorded.
    pub(super) fn goes_on_after(
        &self,
        location: &Location,
        last: RawRange,
    ) -> Result<bool, InputError> {
        let mut reader = open_file(location, self.settings, Start::after(&last))?;
        let next = reader.next(&mut Vec::new())?;
        reader.accept();
        Ok(!matches!(next, Next::End) || reader.cut().length > 0)
    }
}
