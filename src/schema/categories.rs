//! The structure of a `categories` field: an array of depths with their nodes, as a JSON string.
//!
//! Read from the vendor's validator (`air_api_tool` `field_check_categories.go`).

use serde::Deserialize;

#[derive(Deserialize)]
struct Category {
    #[serde(default)]
    category_depth: i32,
    category_nodes: Option<Vec<Option<Node>>>,
}

#[derive(Deserialize)]
struct Node {
    id_or_name: Option<String>,
}

/// What is wrong with the text of a categories field; an empty one passes.
pub(super) fn problem(text: &str, strict: bool) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let Ok(categories) = serde_json::from_str::<Option<Vec<Category>>>(text) else {
        return Some(
            r#"is no array like [{"category_depth":1,"category_nodes":[{"id_or_name":"Movie"}]}]"#
                .to_owned(),
        );
    };
    for (depth, category) in (1_i32..).zip(categories.unwrap_or_default()) {
        if category.category_depth <= 0 {
            return Some(format!(
                "has category_depth {}; depths begin at 1",
                category.category_depth
            ));
        }
        let nodes = category.category_nodes.unwrap_or_default();
        if nodes.is_empty() {
            return Some(format!(
                "has no category_nodes at depth {}",
                category.category_depth
            ));
        }
        let is_named = |node: &Option<Node>| {
            let name = node.as_ref().and_then(|node| node.id_or_name.as_deref());
            name.is_some_and(|name| !name.is_empty())
        };
        if !nodes.iter().all(is_named) {
            return Some(format!(
                "has an empty id_or_name at depth {}",
                category.category_depth
            ));
        }
        if strict && category.category_depth != depth {
            return Some(format!(
                "has category_depth {} where {depth} should be; depths count up from 1",
                category.category_depth
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::problem;

    fn at(depths: &[i32]) -> String {
        let category = |depth| {
            format!(r#"{{"category_depth":{depth},"category_nodes":[{{"id_or_name":"n"}}]}}"#)
        };
        format!(
            "[{}]",
            depths.iter().map(category).collect::<Vec<_>>().join(",")
        )
    }

    #[test]
    fn depths_count_up_from_1_when_strict() {
        assert_eq!(problem(&at(&[1, 2, 3]), true), None);
        assert_eq!(problem(&at(&[2, 1]), false), None);
        assert!(problem(&at(&[2, 1]), true).is_some());
        assert!(problem(&at(&[1, 1]), true).is_some());
        assert!(problem(&at(&[0]), false).is_some());
    }

    #[test]
    fn every_node_has_a_name() {
        assert_eq!(problem("", true), None);
        assert_eq!(problem("[]", true), None);
        for bad in [
            "movie",
            "{}",
            r#"[{"category_depth":1}]"#,
            r#"[{"category_depth":1,"category_nodes":[]}]"#,
            r#"[{"category_depth":1,"category_nodes":[{"id_or_name":""}]}]"#,
            r#"[{"category_depth":1,"category_nodes":[{"id_or_name":5}]}]"#,
            r#"[{"category_depth":"1","category_nodes":[{"id_or_name":"a"}]}]"#,
        ] {
            assert!(problem(bad, false).is_some(), "{bad}");
        }
    }
}
