use proptest::prelude::*;

use super::*;

#[test]
fn every_kind_of_topic_is_read() {
    let topics = Topics::parse_topics("instances,instance:42,log:7/load all/2@4096,log:7/x/1,nodes").unwrap();
    assert!(topics.instances && topics.nodes);
    assert_eq!(topics.followed, [InstanceId(42)]);
    let logs: Vec<_> = topics.logs.iter().map(LogCursor::to_string).collect();
    assert_eq!(logs, ["7/load all/2@4096", "7/x/1@0"]);
}

#[test]
fn anything_else_is_refused() {
    for wrong in [
        "",
        ",",
        "instance",
        "instance:x",
        "instance:-1x",
        "log:1",
        "log:1/a",
        "log:1/a/b",
        "log:1/a/1@x",
        "all",
    ] {
        assert_eq!(
            Topics::parse_topics(wrong).unwrap_err().code(),
            Code::InvalidQuery,
            "{wrong}"
        );
    }
}

proptest! {
    #[test]
    fn topics_never_panic_and_are_refused_with_one_code(
        text in "(instance|instances|log|nodes|:|/|@|,|[0-9]{1,25}|-|é|%2F){0,12}"
    ) {
        if let Err(problem) = Topics::parse_topics(&text) {
            prop_assert_eq!(problem.code(), Code::InvalidQuery);
        }
    }
}
