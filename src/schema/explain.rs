//! What the rules of a field ask for, in words for the people who write schemas.

use super::check::{Check, Range, Rule};
use super::datetime::Datetime;
use super::{Field, FieldType};

impl FieldType {
    /// What values of this type may be, and what they are sent as.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Int32 => "an integer of 32 bits, also as text",
            Self::Int64 => "an integer of 64 bits, also as text",
            Self::Float => "a number within the range of a float, also as text",
            Self::Double => "a number within the range of a double, also as text",
            Self::String => "text",
            Self::JsonString => "text that is a JSON array or object",
            Self::Bool => "true, false, 1 or 0; sent as 1 or 0",
            Self::Array => "an array, or text that is one; sent as text",
            Self::Object => "an object, or text that is one; sent as text",
        }
    }
}

impl Field {
    /// What is asked of the field, a phrase for each rule; its type comes first.
    pub fn rules_in_words(&self) -> Vec<String> {
        let of_type = self.field_type.map(|it| it.meaning().to_owned());
        of_type
            .into_iter()
            .chain(self.checks.iter().map(Check::in_words))
            .collect()
    }
}

impl Check {
    fn in_words(&self) -> String {
        let mut words = self.rule.in_words();
        if let Some(when) = &self.when {
            let values = when.values.join(" or ");
            words = format!("{words}, when {} is {values}", when.field);
        }
        words
    }
}

impl Rule {
    fn in_words(&self) -> String {
        match self {
            Self::Required => "there in every row, neither null nor \"\"".to_owned(),
            Self::Enums(values) => format!("one of {}, whatever the case", values.join(", ")),
            Self::Ranges(ranges) => {
                let ranges: Vec<String> = ranges.iter().map(Range::to_string).collect();
                ranges.join(", or ")
            }
            Self::Datetime(Datetime::Layout(layout)) => {
                format!(
                    "a time like {}",
                    layout.as_deref().unwrap_or("2022-01-01T00:00:00Z")
                )
            }
            Self::Datetime(Datetime::Epoch(epoch)) => {
                let unit = match epoch.milliseconds {
                    None => "seconds or milliseconds",
                    Some(false) => "seconds",
                    Some(true) => "milliseconds",
                };
                let mut words = format!("a time as {unit} since 1970");
                for (word, day) in [("from", epoch.from), ("to", epoch.to)] {
                    if let Some(day) = day {
                        words.extend([" ", word, " ", &day.to_string()]);
                    }
                }
                words
            }
            Self::Categories { strict } => {
                let depths = if *strict {
                    " with depths 1, 2, 3, …"
                } else {
                    ""
                };
                format!("categories as a JSON array{depths}")
            }
            Self::NoChinese => "without Chinese characters".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Schema, SchemaFile};

    #[test]
    fn every_rule_has_words() {
        let text = r#"{"fields":[{"name":"f","type":"int64","level":"required","checks":[
            {"check":"enums","values":["1","2"]},
            {"check":"ranges","any_of":[{"lt":0},{"gte":1,"lte":5}],"when":{"field":"g","in":["a","b"]}},
            {"check":"datetime","epoch":true,"unit":"s","from":"2020-01-01"},
            {"check":"datetime","layout":"%Y"},{"check":"categories","strict":true},{"check":"no_chinese"}]}]}"#;
        let schema = Schema::combine([SchemaFile::read(text).unwrap()]).unwrap();
        let words = schema.fields[0].rules_in_words();
        assert_eq!(
            words,
            [
                "an integer of 64 bits, also as text",
                "there in every row, neither null nor \"\"",
                "one of 1, 2, whatever the case",
                "less than 0, or at least 1 and at most 5, when g is a or b",
                "a time as seconds since 1970 from 2020-01-01",
                "a time like %Y",
                "categories as a JSON array with depths 1, 2, 3, …",
                "without Chinese characters",
            ]
        );
    }
}
