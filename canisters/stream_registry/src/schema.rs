//! Whether a text is a JSON Schema (draft 2020-12): well-formed JSON whose keywords have the types the draft gives them.
//!
//! Only the shape of the core, applicator and validation keywords is checked. Unknown keywords are annotations, as the
//! draft says; references are not followed.

use serde_json::{Map, Value};

use crate::limits::MAX_SCHEMA_DEPTH;

const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
/// Keywords that hold one schema.
const SCHEMA: [&str; 11] = [
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
];
/// Keywords that hold a non-empty array of schemas.
const SCHEMA_LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords that hold an object of schemas.
const SCHEMA_MAP: [&str; 5] = [
    "properties",
    "patternProperties",
    "dependentSchemas",
    "$defs",
    "definitions",
];
/// Keywords that hold a count.
const COUNT: [&str; 8] = [
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "maxContains",
    "minContains",
    "maxProperties",
    "minProperties",
];
const NUMBER: [&str; 4] = ["maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"];
const TEXT: [&str; 8] = [
    "$schema",
    "$id",
    "$ref",
    "$anchor",
    "$comment",
    "title",
    "description",
    "pattern",
];
const FLAG: [&str; 4] = ["uniqueItems", "deprecated", "readOnly", "writeOnly"];

/// Checks a schema's text. The error says where and what is wrong.
pub fn check(text: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    check_schema(&value, "#", MAX_SCHEMA_DEPTH)
}

fn check_schema(value: &Value, path: &str, depth: u32) -> Result<(), String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(format!("{path}: nested too deeply"));
    };
    match value {
        Value::Bool(_) => Ok(()),
        Value::Object(keywords) => keywords
            .iter()
            .try_for_each(|(keyword, value)| check_keyword(keyword, value, path, depth)),
        _ => Err(format!("{path}: a schema is an object or a boolean")),
    }
}

fn check_keyword(keyword: &str, value: &Value, path: &str, depth: u32) -> Result<(), String> {
    let at = || format!("{path}/{keyword}");
    let wants = |ok: bool, what: &str| {
        if ok {
            Ok(())
        } else {
            Err(format!("{}: must be {what}", at()))
        }
    };
    if SCHEMA.contains(&keyword) {
        return check_schema(value, &at(), depth);
    }
    if SCHEMA_LIST.contains(&keyword) {
        let list = value.as_array().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| format!("{}: must be a non-empty array of schemas", at()))?;
        return list.iter().try_for_each(|schema| check_schema(schema, &at(), depth));
    }
    if SCHEMA_MAP.contains(&keyword) {
        let map: &Map<String, Value> = value
            .as_object()
            .ok_or_else(|| format!("{}: must be an object of schemas", at()))?;
        return map
            .iter()
            .try_for_each(|(name, schema)| check_schema(schema, &format!("{}/{name}", at()), depth));
    }
    if COUNT.contains(&keyword) {
        return wants(value.is_u64(), "a non-negative integer");
    }
    if NUMBER.contains(&keyword) {
        return wants(value.is_number(), "a number");
    }
    if TEXT.contains(&keyword) {
        return wants(value.is_string(), "a string");
    }
    if FLAG.contains(&keyword) {
        return wants(value.is_boolean(), "a boolean");
    }
    match keyword {
        "type" => wants(
            is_type(value),
            "one of the seven type names, or an array of them, each once",
        ),
        "enum" | "examples" => wants(value.is_array(), "an array"),
        "required" => wants(is_name_list(value), "an array of strings, each once"),
        "multipleOf" => wants(value.as_f64().is_some_and(|number| number > 0.0), "a number above zero"),
        "dependentRequired" => wants(
            value.as_object().is_some_and(|map| map.values().all(is_name_list)),
            "an object of arrays of strings",
        ),
        _ => Ok(()),
    }
}

fn is_type(value: &Value) -> bool {
    let is_name = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    is_name(value)
        || is_name_list(value)
            && value
                .as_array()
                .is_some_and(|names| !names.is_empty() && names.iter().all(is_name))
}

fn is_name_list(value: &Value) -> bool {
    value.as_array().is_some_and(|names| {
        let mut seen = std::collections::BTreeSet::new();
        names
            .iter()
            .all(|name| name.as_str().is_some_and(|name| seen.insert(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_take_schemas() {
        for text in [
            "true",
            "{}",
            r#"{"type":"object","properties":{"mag":{"type":["number","null"]},"net":{"type":"string","minLength":2}},"required":["net"]}"#,
            r##"{"$defs":{"a":{"enum":[1,2]}},"items":{"$ref":"#/$defs/a"},"allOf":[true,{"not":false}],"x-own":7}"##,
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn should_refuse_what_is_none_and_say_where() {
        for (text, part) in [
            ("", "not JSON"),
            ("{", "not JSON"),
            ("[]", "#: a schema is"),
            (r#"{"type":"integr"}"#, "#/type"),
            (r#"{"type":["string","string"]}"#, "#/type"),
            (r#"{"properties":{"a":3}}"#, "#/properties/a"),
            (r#"{"required":"a"}"#, "#/required"),
            (r#"{"required":["a","a"]}"#, "#/required"),
            (r#"{"minLength":-1}"#, "#/minLength"),
            (r#"{"anyOf":[]}"#, "#/anyOf"),
            (r#"{"multipleOf":0}"#, "#/multipleOf"),
        ] {
            let reason = check(text).expect_err(text);
            assert!(reason.contains(part), "{text}: {reason}");
        }
    }

    #[test]
    fn should_refuse_deep_nesting() {
        let deep = format!("{}true{}", r#"{"not":"#.repeat(80), "}".repeat(80));
        assert!(check(&deep).expect_err("deep").contains("nested too deeply"));
    }
}
