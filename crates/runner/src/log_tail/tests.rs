use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::symlink;

use engine::spec::ParamType;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::*;

fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

fn declared(name: &str) -> OutputCollector {
    OutputCollector::new(BTreeMap::from([(name.to_owned(), ParamType::String)]))
}

#[test]
fn a_value_that_arrives_in_two_pieces_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let log = open_log(&path).unwrap();
    let mut writer = log.try_clone().unwrap();
    let mut tail = LogTail::from_end(
        log,
        LogLimits::default(),
        &folder.path().join("none"),
        declared("k"),
    )
    .unwrap();
    assert_eq!(tail.growth(), 0);
    writer.write_all(b"${setVal").unwrap();
    assert_eq!(tail.growth(), 8);
    tail.read_new().unwrap();
    writer.write_all(b"ue(k=v)}\nkey=not this way").unwrap();
    assert_eq!(
        tail.read_outputs().finish().unwrap(),
        BTreeMap::from([("k".to_owned(), "v".to_owned())])
    );
}

#[test]
fn lines_of_the_output_file_win_and_others_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open_log(&folder.path().join("a.log")).unwrap();
    let output = folder.path().join("out");
    std::fs::write(&output, "k=second=x\nno value\n").unwrap();
    let mut tail = LogTail::from_end(
        log.try_clone().unwrap(),
        LogLimits::default(),
        &output,
        declared("k"),
    )
    .unwrap();
    log.write_all(b"${setValue(k=first)}\n").unwrap();
    assert_eq!(
        tail.read_outputs().finish().unwrap(),
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

#[test]
fn an_output_file_that_is_a_link_a_fifo_or_a_folder_is_not_read_and_the_log_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "k=secret\n").unwrap();
    let replacements: [&dyn Fn(); 3] = [
        &|| symlink(&secret, &output).unwrap(),
        &|| mkfifo(&output, Mode::S_IRWXU).unwrap(),
        &|| std::fs::create_dir(&output).unwrap(),
    ];
    for (number, replace) in replacements.iter().enumerate() {
        replace();
        let path = folder.path().join(format!("{number}.log"));
        let mut tail = LogTail::from_end(
            open_log(&path).unwrap(),
            LogLimits::default(),
            &output,
            declared("k"),
        )
        .unwrap();
        assert_eq!(tail.read_outputs().finish().unwrap(), BTreeMap::new());
        let said = std::fs::read_to_string(&path).unwrap();
        assert!(said.contains("$PORPOISE_OUTPUT is not a regular file"), "{said}");
        crate::remove_tree::remove_tree(&output).unwrap();
    }
}

#[test]
fn a_log_stops_with_one_mark_when_its_disk_is_nearly_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let mut log = open_log(&path).unwrap();
    let all_is_too_little = LogLimits {
        min_free_disk: u64::MAX,
        ..LogLimits::default()
    };
    let mut tail = LogTail::from_end(
        log.try_clone().unwrap(),
        all_is_too_little,
        &folder.path().join("none"),
        declared("k"),
    )
    .unwrap();
    log.write_all(b"kept\n").unwrap();
    tail.read_new().unwrap();
    assert_eq!(tail.stop_reason(), None);
    for _ in 0..3 {
        log.write_all(b"cut off\n").unwrap();
        tail.follow().unwrap();
        assert!(tail.stop_reason().is_some());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("kept\n\n[porpoise: the log stops here: less than"),
            "{text}"
        );
        assert!(text.ends_with("(worker.min_free_disk)]\n"), "{text}");
        assert_eq!(text.matches("porpoise").count(), 1, "{text}");
    }
}
