//! Whether a file is an input under another name, or another file under its name.

use super::{RecogniseError, Recogniser, is_its_own};
use crate::domain::{InputIdentity, RawRange};
use crate::input::{
    FoundFile, InputError, Location, Next, Start, Verifier, content_digest, copies, open_file,
};
use crate::ledger::KnownInput;

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

    /// Whether a file has the bytes of an input, as far as they were read.
    pub(super) fn has_same_content(
        &self,
        file: &FoundFile,
        input: &KnownInput,
    ) -> Result<bool, RecogniseError> {
        let size = file.identity.size();
        let same_size = input.identity.as_ref().is_some_and(|it| it.size() == size);
        if !same_size || size == 0 {
            return Ok(false);
        }
        if !input.read_to_end
            && let Some(mut original) = self.still_there(input)?
        {
            if let (true, Some(before)) = (is_its_own(&original, input), &input.identity) {
                // What was appended to it since is no part of what may have been copied.
                original.identity = before.clone();
            }
            // What is recorded is only its beginning, or nothing yet.
            return Ok(!copies(&[&original, file], self.settings)?.is_empty());
        }
        let chunks = self.ledger.chunks(input.id)?;
        if chunks.is_empty() {
            return Ok(false);
        }
        Ok(Verifier::verify(&file.location, self.settings, chunks)?.is_none())
    }

    /// Whether a file that is called like an input, but for how it is compressed, has what was read of
    /// it, and more only if its own file is gone. One that is cut off may have had.
    pub(super) fn has_its_rows(
        &self,
        file: &FoundFile,
        input: &KnownInput,
    ) -> Result<bool, RecogniseError> {
        let original = self.in_its_place(input)?;
        if let (false, Some(original)) = (input.read_to_end, &original) {
            let digest = |it: &FoundFile| content_digest(&it.location, self.settings);
            return Ok(digest(original)? == digest(file)?);
        }
        let chunks = self.ledger.chunks(input.id)?;
        let Some(last) = chunks.last().copied() else {
            // Whatever compresses a file leaves its time as it was.
            let same_time = file.identity.mtime_ns()
                == input.identity.as_ref().and_then(InputIdentity::mtime_ns);
            return Ok(original.is_none() && same_time);
        };
        match Verifier::verify(&file.location, self.settings, chunks) {
            Ok(None) => Ok(original.is_none() || !self.goes_on_after(&file.location, last)?),
            Ok(Some(_)) => Ok(false),
            Err(error) if error.is_truncated() => Ok(original.is_none()),
            Err(error) => Err(error.into()),
        }
    }

    /// The file of an input, if it is where it was and is no other one.
    pub(super) fn in_its_place(&self, input: &KnownInput) -> Result<Option<FoundFile>, InputError> {
        let there = self.still_there(input)?;
        Ok(there.filter(|now| is_its_own(now, input)))
    }

    /// What is at the place of an input.
    fn still_there(&self, input: &KnownInput) -> Result<Option<FoundFile>, InputError> {
        if !input.kind.is_stored() {
            return Ok(None);
        }
        let location = Location::of_name(&input.name);
        let identity = location.identity(&self.settings.stores)?;
        Ok(identity.map(|identity| FoundFile { location, identity }))
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
