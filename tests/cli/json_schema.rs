//! What programs read has the form that `config schema` publishes.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE};
use serde_json::Value;

/// Checks what the published schema uses of JSON Schema. Stricter in one thing: a field that is not
/// described is wrong, so that none is forgotten.
struct Schema(Value);

impl Schema {
    fn printed(place: &Place) -> Self {
        let printed = place.end("config schema").expect(0).output;
        Self(serde_json::from_str(&printed).unwrap())
    }

    /// What the schema says of a line of this type.
    fn of_type(&self, kind: &str) -> &Value {
        let defs = &self.0["$defs"];
        defs.get(kind).unwrap_or(&defs["other"])
    }

    fn check_line(&self, line: &Value) {
        let kind = line["type"].as_str().unwrap();
        let schema = self.of_type(kind);
        let check = self.objection(schema, line, schema != &self.0["$defs"]["other"]);
        assert_eq!(check, None, "{line:#}");
        let admits = |one| self.objection(one, line, false).is_none();
        assert!(self.0["anyOf"].as_array().unwrap().iter().any(admits));
    }

    fn objection(&self, schema: &Value, value: &Value, strict: bool) -> Option<String> {
        if let Some(name) = schema.get("$ref") {
            let name = name.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            return self.objection(&self.0["$defs"][name], value, strict);
        }
        let wrong = |what: &str| Some(format!("{value} is not {what}: {schema}"));
        if schema.get("const").is_some_and(|only| only != value) {
            return wrong("the constant");
        }
        if let Some(choices) = schema.get("enum")
            && !choices.as_array().unwrap().contains(value)
        {
            return wrong("a choice");
        }
        if let Some(types) = schema.get("type")
            && !is_of(types, value)
        {
            return wrong("of the type");
        }
        if let (Some(least), Some(number)) = (schema.get("minimum"), value.as_f64())
            && number < least.as_f64().unwrap()
        {
            return wrong("large enough");
        }
        if let Some(any) = schema.get("anyOf") {
            let fits = |one| self.objection(one, value, strict).is_none();
            if !any.as_array().unwrap().iter().any(fits) {
                return wrong("any of these");
            }
        }
        if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
            return values
                .iter()
                .find_map(|one| self.objection(items, one, strict));
        }
        self.objection_to_fields(schema, value, strict)
    }

    fn objection_to_fields(&self, schema: &Value, value: &Value, strict: bool) -> Option<String> {
        let (properties, fields) = (schema.get("properties")?, value.as_object()?);
        let required = schema["required"].as_array().unwrap();
        let lacking = required
            .iter()
            .find(|name| !fields.contains_key(name.as_str().unwrap()));
        if let Some(name) = lacking {
            return Some(format!("no {name} in {value}"));
        }
        fields
            .iter()
            .find_map(|(name, value)| match properties.get(name) {
                Some(schema) => self.objection(schema, value, strict),
                None => strict.then(|| format!("{name} is not described")),
            })
    }
}

fn is_of(types: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    types
        .as_array()
        .map_or_else(|| is(types), |names| names.iter().any(is))
}

#[test]
fn every_line_and_the_report_have_the_published_form() {
    let recorder = Recorder::answering(|request, number| match number {
        0 => Reply::bare(429),
        _ if request.is_done() => Reply::bare(503),
        _ => Reply::ok(),
    });
    let place = Place::with(&recorder);
    let schema = Schema::printed(&place);
    place.file("rows.jsonl", "{\"id\":\"1\"}\nnot json\n{\"id\":\"2\"}\n");
    let mut seen = std::collections::BTreeSet::new();
    let mut run = |words: &str, status: i32| {
        for line in place.end(words).expect(status).lines() {
            seen.insert(line["type"].as_str().unwrap().to_owned());
            schema.check_line(&line);
        }
        if let Ok(report) = std::fs::read(place.path("report.json")) {
            let report = serde_json::from_slice(&report).unwrap();
            assert!(
                schema
                    .objection(schema.of_type("summary"), &report, true)
                    .is_none()
            );
        }
    };
    let write = format!("{WRITE} --json --report report.json");
    run(&format!("{write} --dry-run rows.jsonl"), 3);
    run(&format!("{write} rows.jsonl"), 3);
    run("rejects list --json", 0);
    run("status --json", 0);
    run("ledger list --json", 0);
    run("config show --json", 0);
    run("validate --json rows.jsonl", 3);
    run(
        &format!("{write} --max-errors 1 --retry-for 0s rows.jsonl"),
        5,
    );
    recorder.answer(|_, _| Reply::code(400, 4001, "topic not found"));
    place.rows("more.jsonl", 10, 5);
    run(
        "write -t user -s history_sync -d 2022-01-01 --json more.jsonl",
        6,
    );
    run("write --json", 2);
    for kind in [
        "start", "retry", "reject", "done", "error", "summary", "day",
    ] {
        assert!(seen.contains(kind), "{kind}: {seen:?}");
    }
}

/// The option was taken and nothing written.
#[test]
fn a_report_is_written_by_every_command_that_has_a_summary() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 5);
    place
        .end(&format!("{WRITE} --no-done rows.jsonl"))
        .expect(0);
    for (command, status) in [
        ("status --gaps", 7),
        ("ledger list", 0),
        ("rejects list", 0),
        ("doctor", 0),
        ("run jobs.toml --dry-run", 0),
    ] {
        place.file(
            "jobs.toml",
            "[[job]]\nname = \"a\"\ntopic = \"item\"\nstage = \"history_sync\"\ndate = \"2022-01-02\"\npaths = [\"rows.jsonl\"]\n",
        );
        place
            .end(&format!("{command} --report r.json"))
            .expect(status);
        let report = std::fs::read_to_string(place.path("r.json")).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["exit_status"], status, "{command}");
        assert_eq!(report["finished"], true, "{command}");
        place
            .end(&format!("{command} --report nowhere/r.json"))
            .expect(2);
    }
}
