//! Fields of rows as they are typed: `price=double`, `goods=goods_id`.

use super::nearest;
use crate::schema::FieldType;

/// A field with its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedField {
    /// Its name.
    pub name: String,
    /// Its type.
    pub field_type: FieldType,
}

/// A field with the name that it is sent under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renaming {
    /// Its name in the input.
    pub from: String,
    /// Its name in the row that is sent.
    pub to: String,
}

/// What other programs call the types.
const OTHER_NAMES: [(&str, FieldType); 18] = [
    ("bigint", FieldType::Int64),
    ("boolean", FieldType::Bool),
    ("char", FieldType::String),
    ("decimal", FieldType::Double),
    ("dict", FieldType::Object),
    ("float32", FieldType::Float),
    ("float64", FieldType::Double),
    ("int", FieldType::Int64),
    ("integer", FieldType::Int64),
    ("json", FieldType::JsonString),
    ("list", FieldType::Array),
    ("long", FieldType::Int64),
    ("map", FieldType::Object),
    ("number", FieldType::Double),
    ("str", FieldType::String),
    ("struct", FieldType::Object),
    ("text", FieldType::String),
    ("varchar", FieldType::String),
];

/// Reads `price=double`.
pub fn typed_field(text: &str) -> Result<TypedField, String> {
    let wanted = || format!("write FIELD=TYPE; types are {}", FieldType::names());
    // Names may have an equals sign in them, types have none.
    let (name, word) = text.rsplit_once('=').ok_or_else(wanted)?;
    if name.is_empty() {
        return Err(wanted());
    }
    let field_type = FieldType::parse(word).ok_or_else(|| {
        let names = FieldType::names();
        let lower = word.to_ascii_lowercase();
        let other = OTHER_NAMES.iter().find(|(other, _)| *other == lower);
        let meant = match other {
            Some((_, known)) => Some(known.as_str()),
            None => nearest(&lower, names.split(", ")),
        };
        match meant {
            Some(meant) => {
                format!("there is no type '{word}'; did you mean '{meant}'? Types are {names}")
            }
            None => format!("there is no type '{word}'; types are {names}"),
        }
    })?;
    Ok(TypedField {
        name: name.to_owned(),
        field_type,
    })
}

/// Reads `goods=goods_id`.
pub fn renaming(text: &str) -> Result<Renaming, String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() && !to.contains('=') => {
            Ok(Renaming {
                from: from.to_owned(),
                to: to.to_owned(),
            })
        }
        _ => Err("write FROM=TO, the name in the input and the name to send".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_another_program_gets_the_one_that_was_meant() {
        for (text, meant) in [
            ("a=int", "'int64'"),
            ("a=Integer", "'int64'"),
            ("a=doubel", "'double'"),
            ("a=varchar", "'string'"),
            ("a=json", "'json_string'"),
        ] {
            let message = typed_field(text).unwrap_err();
            assert!(message.contains(meant), "{message}");
        }
        assert!(!typed_field("a=qqq").unwrap_err().contains("did you mean"));
        let typed = typed_field("a=b=INT32").unwrap();
        assert_eq!(
            (typed.name.as_str(), typed.field_type),
            ("a=b", FieldType::Int32)
        );
        assert!(typed_field("price").is_err() && typed_field("=int32").is_err());
    }

    #[test]
    fn a_renaming_has_two_names() {
        assert_eq!(renaming("a=b").unwrap().to, "b");
        for text in ["a", "a=", "=b", "a=b=c"] {
            assert!(renaming(text).is_err(), "{text}");
        }
    }
}
