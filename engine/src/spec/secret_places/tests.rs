//! Where secrets may stand in documents.

use serde_json::json;

use crate::spec::parse;

fn document(task: serde_json::Value) -> serde_json::Value {
    json!({ "version": 1, "name": "w", "tasks": { "t": task } })
}

#[test]
fn secrets_are_found_where_they_may_stand() {
    let task = json!({
        "type": "http",
        "env": { "A": "x${secret.a}y$${secret.no}", "B": "${secret.b | raw}" },
        "request": {
            "url": "https://example.org/?key=${secret.größe.x-1_y}",
            "headers": { "X-Y": "${secret.h}" },
            "body": "${secret.a}${secret.a}",
        },
    });
    let definition = parse(&document(task)).expect("a legal document");
    let found = definition.secret_references();
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|reference| (reference.pointer.as_str(), reference.name.as_str()))
        .collect();
    assert!(found.contains(&("/tasks/t/env/A", "a")) && found.contains(&("/tasks/t/env/B", "b")));
    assert!(found.contains(&("/tasks/t/request/url", "größe.x-1_y")));
    assert_eq!(
        found
            .iter()
            .filter(|(at, _)| *at == "/tasks/t/request/body")
            .count(),
        2
    );
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn anywhere_else_they_are_misplaced() {
    let shell = |more: serde_json::Value| {
        let mut task = json!({ "type": "shell", "run": "true" });
        task.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        document(task)
    };
    let mut labels = shell(json!({}));
    labels["labels"] = json!({ "team": "${secret.a}" });
    for (wrong, pointer) in [
        (shell(json!({ "run": "echo ${secret.a}" })), "/tasks/t/run"),
        (
            shell(json!({ "params": { "p": "${secret.a}" } })),
            "/tasks/t/params/p",
        ),
        (
            shell(json!({ "env": { "A": "${secret.${name}}" } })),
            "/tasks/t/env/A",
        ),
        (
            shell(json!({ "env": { "A": "${x${secret.a}}" } })),
            "/tasks/t/env/A",
        ),
        (shell(json!({ "env": { "A": "${secret.}" } })), "/tasks/t/env/A"),
        (labels, "/labels/team"),
    ] {
        let errors = parse(&wrong).expect_err("it is misplaced");
        let found = errors.iter().find(|error| error.code == "SECRET_MISPLACED");
        assert_eq!(
            found.map(|error| error.pointer.as_str()),
            Some(pointer),
            "{errors:?}"
        );
    }
}

#[test]
fn holders_of_anchors_may_name_them_and_parameters_may_not_be_called_so() {
    let mut holder = document(json!({ "type": "noop" }));
    holder["x-env"] = json!({ "A": "${secret.a}" });
    assert!(
        parse(&holder)
            .expect("a legal document")
            .secret_references()
            .is_empty()
    );
    let mut named = document(json!({ "type": "noop" }));
    named["params"] = json!({ "secret.x": "1" });
    let errors = parse(&named).expect_err("a name of a secret");
    assert_eq!(errors[0].code, "BAD_NAME", "{errors:?}");
}
