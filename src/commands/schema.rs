//! `schema`: the built-in templates, a schema proposed from data, and whether a schema file is right.
//!
//! None of them changes anything: what is proposed is printed, and takes effect when somebody gives it
//! to `--schema`.

use super::validate::findings;
use super::{Failure, Outcome, Session};
use crate::cli::args::{InferArgs, SchemaCommand};
use crate::cli::error::chain;
use crate::cli::figure::grouped;
use crate::cli::json_line::JsonLine;
use crate::cli::printer::{Level, visible};
use crate::cli::settings::ReadingOptions;
use crate::cli::summary::{for_machines, of_success};
use crate::cli::validation::{Findings, field_line, schema_rules, summary_of};
use crate::domain::Topic;
use crate::schema::{FieldType, INDUSTRIES, Schema, SchemaFile, template_text, topics};
use crate::upload::report::Status;
use crate::validation::{Proposal, propose};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Runs `schema`.
pub(super) async fn run(session: &Session, command: &SchemaCommand) -> Outcome {
    match command {
        SchemaCommand::Show { name } => show(session, name.as_deref()),
        SchemaCommand::Infer(args) => infer(session, args).await,
        SchemaCommand::Check { files } => Ok(check(session, files)),
    }
}

fn show(session: &Session, name: Option<&str>) -> Outcome {
    let (industry, topic) = match name.map(|name| name.split_once('/').unwrap_or((name, ""))) {
        None => ("", ""),
        Some((industry, topic)) => (industry, topic),
    };
    if let Some(text) = template_text(industry, topic) {
        if session.printer.style().json {
            let schema: Value = serde_json::from_str(text).unwrap_or_default();
            let fields = json!({"name": format!("{industry}/{topic}"), "schema": schema});
            session.printer.json_line(&JsonLine::new("schema", fields));
        } else {
            session.printer.result(text);
        }
        return Ok(succeed(session));
    }
    let of_industry = |known: &&&str| industry.is_empty() || **known == industry;
    let names: Vec<String> = INDUSTRIES
        .iter()
        .filter(of_industry)
        .flat_map(|industry| topics(industry).map(move |topic| format!("{industry}/{topic}")))
        .collect();
    if names.is_empty() || !topic.is_empty() {
        let message = format!(
            "there is no template '{}'; `byteair-sync schema show` lists them",
            name.unwrap_or_default()
        );
        return Err(Failure::new(Status::Usage, anyhow::anyhow!(message)));
    }
    if session.printer.style().json {
        for name in names {
            session
                .printer
                .json_line(&JsonLine::new("schema", json!({"name": name})));
        }
    } else {
        session.printer.result(&names.join("\n"));
    }
    Ok(succeed(session))
}

fn succeed(session: &Session) -> Status {
    session.printer.json_line(&for_machines(&of_success()));
    Status::Success
}

async fn infer(session: &Session, args: &InferArgs) -> Outcome {
    let options = ReadingOptions::of_infer(session.context(), args)?;
    let sample = args.sample.map(std::num::NonZeroU64::get);
    let findings = findings(session, options, true, sample).await?;
    let report = &findings.report;
    let profile = report.profile.as_ref();
    let proposals = profile.map_or_else(Vec::new, |it| propose(it, report.cells));
    let topic = args.topic.as_ref().map(Topic::as_str);
    let schema = schema_of(&findings, &proposals, topic);
    let status = findings.status();
    if session.printer.style().json {
        for field in profile.into_iter().flat_map(|profile| &profile.fields) {
            let rows = profile.map_or(0, |it| it.rows);
            session.printer.json_line(&field_line(field, rows));
        }
        let fields = json!({"schema": schema});
        session.printer.json_line(&JsonLine::new("schema", fields));
        session
            .printer
            .json_line(&for_machines(&summary_of(&findings)));
        return Ok(status);
    }
    for failure in &report.failures {
        session
            .printer
            .message(Level::Error, &visible(&chain(failure)));
    }
    if report.bad_rows > 0 {
        let text = format!(
            "{} of {} rows have errors and count for nothing, or for little; `byteair-sync validate` names them",
            grouped(report.bad_rows),
            grouped(report.rows)
        );
        session.printer.message(Level::Warning, &text);
    }
    if status == Status::Nothing {
        session
            .printer
            .message(Level::Error, "there is no row to propose a schema from");
    } else {
        session.printer.result(&pretty(&schema));
    }
    Ok(status)
}

/// The proposal as a schema file, with the evidence as descriptions.
#[derive(Serialize)]
struct ProposedSchema<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'p str>,
    note: String,
    complete: bool,
    fields: Vec<ProposedField<'p>>,
}

#[derive(Serialize)]
struct ProposedField<'p> {
    name: &'p str,
    r#type: Option<&'static str>,
    description: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Value>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    known_values: &'p [String],
}

fn schema_of<'p>(
    findings: &Findings,
    proposals: &'p [Proposal],
    topic: Option<&'p str>,
) -> ProposedSchema<'p> {
    let rows = findings.report.profile.as_ref().map_or(0, |it| it.rows);
    let field = |proposal: &'p Proposal| ProposedField {
        name: &proposal.name,
        r#type: proposal.field_type.map(FieldType::as_str),
        description: &proposal.evidence,
        checks: checks_of(proposal),
        known_values: &proposal.known_values,
    };
    ProposedSchema {
        topic,
        note: format!(
            "Proposed from {} rows; nothing is required and no range is set. Read it, correct it, and give it to --schema.",
            grouped(rows)
        ),
        complete: false,
        fields: proposals.iter().map(field).collect(),
    }
}

fn checks_of(proposal: &Proposal) -> Option<Value> {
    if proposal.is_epoch {
        return Some(json!([{"check": "datetime", "epoch": true}]));
    }
    // The platform's rule for this field, whatever the industry.
    let is_user_id = proposal.name == "user_id" && proposal.field_type == Some(FieldType::String);
    is_user_id.then(|| json!([{"check": "no_chinese"}]))
}

/// Objects have text keys, so this always has a text.
fn pretty(schema: &ProposedSchema<'_>) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}

fn check(session: &Session, files: &[PathBuf]) -> Status {
    let mut status = Status::Success;
    let mut right = Vec::new();
    for path in files {
        match read(path) {
            Ok(file) => right.push(file),
            Err(problems) => {
                status = Status::Usage;
                for (line, problem) in problems {
                    tell_problem(session, path, line, &problem);
                }
            }
        }
    }
    if status == Status::Success {
        match Schema::combine(right) {
            Ok(schema) => {
                tell_rules(session, &schema);
                for doubt in schema.doubts() {
                    status = Status::Usage;
                    tell_doubt(session, &doubt);
                }
            }
            Err(error) => {
                status = Status::Usage;
                session.printer.message(Level::Error, &error.to_string());
            }
        }
    }
    let mut summary = of_success();
    summary.status = status;
    session.printer.json_line(&for_machines(&summary));
    status
}

fn read(path: &Path) -> Result<SchemaFile, Vec<(Option<usize>, String)>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![(None, format!("cannot be read: {error}"))])?;
    SchemaFile::check(&text).map_err(|problems| {
        let told = problems.into_iter().map(|it| (it.line, it.problem));
        told.collect()
    })
}

fn tell_problem(session: &Session, path: &Path, line: Option<usize>, problem: &str) {
    let file = path.display().to_string();
    let fields = json!({"file": file, "line": line, "message": problem, "exit_status": Status::Usage.code()});
    session.printer.json_line(&JsonLine::new("error", fields));
    let place = line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"));
    session
        .printer
        .message(Level::Error, &visible(&format!("{place}: {problem}")));
}

fn tell_doubt(session: &Session, doubt: &str) {
    let fields = json!({"message": doubt, "exit_status": Status::Usage.code()});
    session.printer.json_line(&JsonLine::new("error", fields));
    session.printer.message(Level::Error, &visible(doubt));
}

fn tell_rules(session: &Session, schema: &Schema) {
    if !session.printer.style().json {
        session.printer.result(&schema_rules(schema));
        return;
    }
    for field in &schema.fields {
        let fields = json!({
            "name": field.name,
            "field_type": field.field_type.map(FieldType::as_str),
            "level": field.level.as_str(),
            "rules": field.rules_in_words(),
        });
        session.printer.json_line(&JsonLine::new("rule", fields));
    }
}
