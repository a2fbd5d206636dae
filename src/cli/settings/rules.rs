//! What rows are made to be, from the options that say so: schema files are read, templates looked
//! up, and everything is held against everything else.
//!
//! After `done` nothing can be corrected, so what contradicts itself is refused here, before a row
//! is read, and not resolved by some rule of precedence that nobody remembers.

use crate::cli::args::{ReadingArgs, RulesArgs, UnknownName};
use crate::cli::error::UsageError;
use crate::cli::value::nearest;
use crate::domain::Topic;
use crate::schema::{RowRules, Schema, SchemaFile, UnknownFields, template_text, topics};
use crate::upload::shell_word;
use std::collections::HashSet;
use std::path::Path;

/// The rules that rows of a topic are to keep; only a template asks which topic it is.
pub(super) fn row_rules(args: &ReadingArgs, topic: Option<&Topic>) -> Result<RowRules, UsageError> {
    let asked = &args.rules;
    let rules = RowRules {
        schema: schema(asked, topic)?,
        types: asked
            .types
            .iter()
            .map(|it| (it.name.clone(), it.field_type))
            .collect(),
        renames: asked
            .map
            .iter()
            .map(|it| (it.from.clone(), it.to.clone()))
            .collect(),
        unknown: match asked.unknown_fields {
            UnknownName::Keep => UnknownFields::Keep,
            UnknownName::Drop => UnknownFields::Drop,
            UnknownName::Error => UnknownFields::Error,
        },
    };
    let mut typed = HashSet::new();
    if let Some((name, _)) = rules.types.iter().find(|(name, _)| !typed.insert(name)) {
        return refused(format!("--types gives '{name}' two types; give it one"));
    }
    check_renames(&rules, &args.columns)?;
    check_unknown(&rules)?;
    if asked.null_strings.iter().any(String::is_empty) {
        return refused(
            "--null-strings has an empty text; what an empty cell becomes is said by --empty"
                .to_owned(),
        );
    }
    Ok(rules)
}

/// What should be noticed about rules that are fine.
pub(super) fn warnings_about(rules: &RowRules) -> Vec<String> {
    let losing = rules.unknown != UnknownFields::Keep;
    let incomplete = !rules.schema.complete && !rules.schema.fields.is_empty();
    let loses = (losing && incomplete).then(|| {
        format!(
            "--unknown-fields {}: the schema does not claim to know every field (\"complete\"), so \
             fields that the platform does know may be among those",
            word_of(rules.unknown)
        )
    });
    let doubts = rules.schema.doubts();
    let doubts = doubts
        .iter()
        .map(|doubt| format!("the schema is to be doubted: {doubt}"));
    loses.into_iter().chain(doubts).collect()
}

/// The options as they have to be given to another command that reads such rows.
pub fn rules_arguments(args: &RulesArgs) -> String {
    let mut options: Vec<(&str, String)> = Vec::new();
    for file in &args.schema {
        options.push(("schema", file.to_string_lossy().into_owned()));
    }
    options.extend(args.industry.iter().map(|name| ("industry", name.clone())));
    for typed in &args.types {
        options.push(("types", format!("{}={}", typed.name, typed.field_type)));
    }
    for renaming in &args.map {
        options.push(("map", format!("{}={}", renaming.from, renaming.to)));
    }
    match args.unknown_fields {
        UnknownName::Keep => {}
        UnknownName::Drop => options.push(("unknown-fields", "drop".to_owned())),
        UnknownName::Error => options.push(("unknown-fields", "error".to_owned())),
    }
    for null in &args.null_strings {
        options.push(("null-strings", null.clone()));
    }
    let text = |(name, value): (&str, String)| format!(" --{name} {}", shell_word(&value));
    options.into_iter().map(text).collect()
}

fn refused<T>(message: String) -> Result<T, UsageError> {
    Err(UsageError::new(message))
}

const fn word_of(unknown: UnknownFields) -> &'static str {
    match unknown {
        UnknownFields::Keep => "keep",
        UnknownFields::Drop => "drop",
        UnknownFields::Error => "error",
    }
}

fn schema(args: &RulesArgs, topic: Option<&Topic>) -> Result<Schema, UsageError> {
    let mut files = Vec::new();
    let mut has_schema = None;
    if let Some(industry) = &args.industry {
        files.push(of_industry(industry, topic)?);
        has_schema = Some(format!("--industry {industry}"));
    }
    for path in &args.schema {
        let file = of_file(path, topic)?;
        if matches!(file, SchemaFile::Schema(_)) {
            let name = format!("--schema {}", path.display());
            if let Some(other) = has_schema {
                return refused(format!(
                    "{other} and {name} are two schemas; give one, to which only checker files can \
                     be added"
                ));
            }
            has_schema = Some(name);
        }
        files.push(file);
    }
    Schema::combine(files)
        .map_err(|error| UsageError::new("the schema cannot be used").because(error))
}

fn of_industry(industry: &str, topic: Option<&Topic>) -> Result<SchemaFile, UsageError> {
    let Some(topic) = topic else {
        return refused(format!(
            "--industry {industry} has a template for each topic; name one with --topic"
        ));
    };
    let Some(text) = template_text(industry, topic.as_str()) else {
        let known: Vec<&str> = topics(industry).collect();
        let hint = nearest(topic.as_str(), known.iter().copied())
            .map(|near| format!(" (did you mean '{near}'?)"))
            .unwrap_or_default();
        return refused(format!(
            "--industry {industry} has no template for topic '{topic}'{hint}; it has {}",
            known.join(", ")
        ));
    };
    SchemaFile::read(text)
        .map_err(|error| UsageError::new(format!("the template of {industry}")).because(error))
}

fn of_file(path: &Path, topic: Option<&Topic>) -> Result<SchemaFile, UsageError> {
    let named = |what: &str| UsageError::new(format!("{what} --schema {}", path.display()));
    let text =
        std::fs::read_to_string(path).map_err(|error| named("cannot read").because(error))?;
    let file = SchemaFile::read(&text).map_err(|error| named("cannot use").because(error))?;
    match (&file, topic) {
        (
            SchemaFile::Schema(Schema {
                topic: Some(of), ..
            }),
            Some(topic),
        ) if of != topic.as_str() => refused(format!(
            "--schema {} is for topic '{of}', but --topic is '{topic}'; give the schema of \
                 '{topic}', or take \"topic\" out of the file if it fits both",
            path.display()
        )),
        _ => Ok(file),
    }
}

fn check_renames(rules: &RowRules, columns: &[String]) -> Result<(), UsageError> {
    let (mut sources, mut targets) = (HashSet::new(), HashSet::new());
    for (from, to) in &rules.renames {
        if !sources.insert(from) {
            return refused(format!("--map sends '{from}' under two names; give it one"));
        }
        if !targets.insert(to) {
            return refused(format!(
                "--map sends two fields as '{to}'; a row can have it once"
            ));
        }
        if columns.contains(to) && from != to {
            return refused(format!(
                "--map sends '{from}' as '{to}', but --columns has a '{to}' already"
            ));
        }
    }
    // A rejected row that is sent once more must not be renamed a second time.
    if let Some(both) = targets.iter().find(|to| sources.contains(**to)) {
        return refused(format!(
            "--map has '{both}' on both sides; a field that gets the name of another one cannot be \
             renamed itself"
        ));
    }
    if let Some((name, _)) = rules.types.iter().find(|(name, _)| sources.contains(name)) {
        let to = rules.renames.iter().find(|(from, _)| from == name);
        let to = to.map(|(_, to)| to.as_str()).unwrap_or_default();
        return refused(format!(
            "--types names '{name}', which --map sends as '{to}'; types go by the new name: \
             --types {to}=..."
        ));
    }
    Ok(())
}

fn check_unknown(rules: &RowRules) -> Result<(), UsageError> {
    if rules.unknown == UnknownFields::Keep {
        return Ok(());
    }
    let word = word_of(rules.unknown);
    if rules.types.is_empty() && rules.schema.fields.is_empty() {
        return refused(format!(
            "--unknown-fields {word}: without --schema, --industry or --types every field is \
             unknown; give one of them"
        ));
    }
    let known = |name: &str| {
        rules.schema.field(name).is_some() || rules.types.iter().any(|(typed, _)| typed == name)
    };
    match rules.renames.iter().find(|(_, to)| !known(to)) {
        Some((from, to)) => refused(format!(
            "--map sends '{from}' as '{to}', but neither a schema nor --types names '{to}', so \
             --unknown-fields {word} would refuse it; add --types {to}=..."
        )),
        None => Ok(()),
    }
}
