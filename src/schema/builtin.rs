//! The industry templates that come with the program (`--industry`).
//!
//! Compiled from the platform's documentation and from the vendor's validator; each file names its
//! source. What those do not show is not in them, and most are marked incomplete for that reason.

use super::read::{SchemaError, SchemaFile};
use super::table::Schema;

macro_rules! templates {
    ($($industry:literal / $topic:literal = $file:literal),+ $(,)?) => {
        [$(($industry, $topic, include_str!(concat!("builtin/", $file, ".json")))),+]
    };
}

/// Industry, topic, and the text of the schema.
const TEMPLATES: [(&str, &str, &str); 15] = templates![
    "ecommerce" / "user" = "volc-ecommerce.user",
    "ecommerce" / "item" = "volc-ecommerce.item",
    "ecommerce" / "behavior" = "volc-ecommerce.behavior",
    "content_community" / "user" = "volc-content_community.user",
    "content_community" / "item" = "volc-content_community.item",
    "content_community" / "behavior" = "volc-content_community.behavior",
    "long_video" / "user" = "volc-long_video.user",
    "long_video" / "item" = "volc-long_video.item",
    "long_video" / "behavior" = "volc-long_video.behavior",
    "saas_retail" / "user" = "byteplus-saas_retail.user",
    "saas_retail" / "product" = "byteplus-saas_retail.product",
    "saas_retail" / "user_event" = "byteplus-saas_retail.user_event",
    "saas_content" / "user" = "byteplus-saas_content.user",
    "saas_content" / "content" = "byteplus-saas_content.content",
    "saas_content" / "user_event" = "byteplus-saas_content.user_event",
];

/// The industries that there are templates for.
pub const INDUSTRIES: [&str; 5] = [
    "ecommerce",
    "content_community",
    "long_video",
    "saas_retail",
    "saas_content",
];

/// The topics of an industry that there are templates for; none for an unknown industry.
pub fn topics(industry: &str) -> impl Iterator<Item = &'static str> {
    let of =
        move |(name, topic, _): &(&str, &'static str, &str)| (*name == industry).then_some(*topic);
    TEMPLATES.iter().filter_map(of)
}

/// The text of a template, as `schema show` prints it.
pub fn template_text(industry: &str, topic: &str) -> Option<&'static str> {
    let found = TEMPLATES
        .iter()
        .find(|(name, of, _)| *name == industry && *of == topic);
    found.map(|(_, _, text)| *text)
}

/// The template of a topic.
pub fn template(industry: &str, topic: &str) -> Option<Result<Schema, SchemaError>> {
    let text = template_text(industry, topic)?;
    Some(SchemaFile::read(text).and_then(|file| Schema::combine([file])))
}

#[cfg(test)]
mod tests {
    use super::super::check::Rule;
    use super::*;

    #[test]
    fn every_template_is_a_schema_of_its_industry_and_topic() {
        for (industry, topic, text) in TEMPLATES {
            let schema = template(industry, topic).unwrap().unwrap();
            assert_eq!(
                (schema.industry.as_str(), schema.topic.as_deref()),
                (industry, Some(topic))
            );
            assert!(INDUSTRIES.contains(&industry) && !schema.fields.is_empty());
            assert!(topics(industry).any(|it| it == topic), "{text}");
        }
        assert!(template("ecommerce", "content").is_none());
    }

    #[test]
    fn what_the_platform_asks_of_every_row_is_required() {
        let item = template("ecommerce", "item").unwrap().unwrap();
        assert!(item.field("goods_id").unwrap().is_required());
        assert!(item.field("status").unwrap().is_required());
        let behavior = template("long_video", "behavior").unwrap().unwrap();
        for name in ["bhv_time", "bhv_type", "user_id", "spm", "scm"] {
            assert!(behavior.field(name).unwrap().is_required(), "{name}");
        }
    }

    #[test]
    fn a_user_id_of_the_platform_has_no_chinese_characters() {
        for industry in ["ecommerce", "content_community", "long_video"] {
            for topic in ["user", "behavior"] {
                let schema = template(industry, topic).unwrap().unwrap();
                let checks = &schema.field("user_id").unwrap().checks;
                assert!(
                    checks.iter().any(|check| check.rule == Rule::NoChinese),
                    "{industry} {topic}"
                );
            }
        }
    }
}
