use super::*;

#[test]
fn every_kind_of_topic_is_read() {
    let topics = Topics::read("instances,instance:42,log:7/load all/2@4096,log:7/x/1,nodes").unwrap();
    assert!(topics.instances && topics.nodes);
    assert_eq!(topics.whole, [InstanceId(42)]);
    let logs: Vec<_> = topics
        .logs
        .iter()
        .map(|log| (log.place.task.as_str(), log.place.attempt.0, log.offset))
        .collect();
    assert_eq!(logs, [("load all", 2, 4096), ("x", 1, 0)]);
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
            Topics::read(wrong).unwrap_err().code(),
            Code::InvalidQuery,
            "{wrong}"
        );
    }
}
