use std::collections::BTreeMap;

use engine::spec::ParamType;

use super::*;

fn declared(name: &str) -> OutputCollector {
    OutputCollector::new(BTreeMap::from([(name.to_owned(), ParamType::String)]))
}

#[test]
fn a_value_that_arrives_in_two_pieces_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/1/a.log");
    let log = open_log(&path).unwrap();
    let mut writer = log.try_clone().unwrap();
    let mut tail = LogTail::from_end(log, 1 << 20, &folder.path().join("none"), declared("k")).unwrap();
    assert!(!tail.has_grown());
    writer.write_all(b"${setVal").unwrap();
    assert!(tail.has_grown());
    tail.read_new().unwrap();
    writer.write_all(b"ue(k=v)}\nkey=not this way").unwrap();
    assert_eq!(
        tail.into_outputs().finish().unwrap(),
        BTreeMap::from([("k".to_owned(), "v".to_owned())])
    );
}

#[test]
fn lines_of_the_output_file_win_and_others_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open_log(&folder.path().join("a.log")).unwrap();
    let output = folder.path().join("out");
    std::fs::write(&output, "k=second=x\nno value\n").unwrap();
    let tail = LogTail::from_end(log.try_clone().unwrap(), 1 << 20, &output, declared("k")).unwrap();
    log.write_all(b"${setValue(k=first)}\n").unwrap();
    assert_eq!(
        tail.into_outputs().finish().unwrap(),
        BTreeMap::from([("k".to_owned(), "second=x".to_owned())])
    );
}

#[test]
fn a_line_of_any_length_is_read_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let long = "x".repeat(3 * MAX_OUTPUT_LINE_BYTES);
    let read = |text: &str| {
        std::fs::write(&output, text).unwrap();
        let mut outputs = declared("k");
        read_output_file(&output, &mut outputs).unwrap();
        outputs.finish()
    };
    let kept = read(&format!("other={long}\nk=1\n{long}")).unwrap();
    assert_eq!(kept, BTreeMap::from([("k".to_owned(), "1".to_owned())]));
    let error = read(&format!("k={long}\n")).unwrap_err();
    assert_eq!(error, OutputError::ValueTooLarge("k".to_owned()));
    let file = File::create(&output).unwrap();
    file.set_len(MAX_OUTPUT_FILE_BYTES + 1).unwrap();
    let mut outputs = declared("k");
    read_output_file(&output, &mut outputs).unwrap();
    assert!(outputs.finish().unwrap_err().to_string().contains("output file"));
}
