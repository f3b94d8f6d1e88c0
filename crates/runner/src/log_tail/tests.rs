use super::*;

#[test]
fn a_value_that_arrives_in_two_pieces_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/1/a.log");
    let log = open_log(&path).unwrap();
    let mut writer = log.try_clone().unwrap();
    let mut tail = LogTail::from_end(log, 1 << 20, &folder.path().join("none")).unwrap();
    assert!(!tail.has_grown());
    writer.write_all(b"${setVal").unwrap();
    assert!(tail.has_grown());
    tail.read_new().unwrap();
    writer.write_all(b"ue(k=v)}\nkey=not this way").unwrap();
    assert_eq!(
        tail.into_outputs(),
        BTreeMap::from([("k".to_owned(), "v".to_owned())])
    );
}

#[test]
fn lines_of_the_output_file_win_and_others_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open_log(&folder.path().join("a.log")).unwrap();
    let output = folder.path().join("out");
    std::fs::write(&output, "k=second=x\nno value\n").unwrap();
    let tail = LogTail::from_end(log.try_clone().unwrap(), 1 << 20, &output).unwrap();
    log.write_all(b"${setValue(k=first)}\n").unwrap();
    assert_eq!(
        tail.into_outputs(),
        BTreeMap::from([("k".to_owned(), "second=x".to_owned())])
    );
}
