use super::*;

fn uid() -> DispatchId {
    "1-42-0-1-1".parse().unwrap()
}

#[tokio::test]
async fn a_log_is_read_in_parts_by_offset() {
    let folder = tempfile::tempdir().unwrap();
    let logs = LogFiles::in_folder(folder.path());
    std::fs::create_dir(folder.path().join("42")).unwrap();
    std::fs::write(logs.path(&uid()), b"one\xfftwo").unwrap();
    let first = logs.read(&uid(), 0, 4).await.unwrap();
    assert_eq!(
        (first.bytes.as_slice(), first.next_offset, first.size),
        (&b"one\xff"[..], 4, 7)
    );
    let second = logs.read(&uid(), first.next_offset, 100).await.unwrap();
    assert_eq!((second.bytes.as_slice(), second.next_offset), (&b"two"[..], 7));
    let past = logs.read(&uid(), 99, 100).await.unwrap();
    assert_eq!((past.bytes.len(), past.next_offset), (0, 99));
}

#[tokio::test]
async fn a_log_that_does_not_exist_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let part = LogFiles::in_folder(folder.path())
        .read(&uid(), 5, 100)
        .await
        .unwrap();
    assert_eq!((part.bytes.len(), part.next_offset, part.size), (0, 5, 0));
}

/// Reads the whole log.
async fn text(logs: &LogFiles) -> String {
    let part = logs.read(&uid(), 0, 1000).await.unwrap();
    assert_eq!(part.size, part.bytes.len() as u64);
    String::from_utf8(part.bytes).unwrap()
}

const LINE: &str = "[the task replaced its log]\n";

/// Puts something in the place of a log.
type Replace = Box<dyn Fn(&Path)>;

/// What a task can put in the place of its log.
fn replacements(root: &Path) -> Vec<(&'static str, Replace)> {
    let secret = root.join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let linked = secret.clone();
    vec![
        (
            "a link",
            Box::new(move |log| std::os::unix::fs::symlink(&secret, log).unwrap()),
        ),
        (
            "a hard link",
            Box::new(move |log| std::fs::hard_link(&linked, log).unwrap()),
        ),
        (
            "a folder",
            Box::new(|log| std::fs::create_dir_all(log.join("a")).unwrap()),
        ),
        (
            "a fifo",
            Box::new(|log| nix::unistd::mkfifo(log, nix::sys::stat::Mode::S_IRWXU).unwrap()),
        ),
        ("a file", Box::new(|log| std::fs::write(log, "forged").unwrap())),
        ("nothing", Box::new(|_| {})),
    ]
}

#[tokio::test]
async fn only_the_file_that_the_worker_made_is_read_while_the_task_runs_and_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    for (what, replace) in replacements(folder.path()) {
        let logs = LogFiles::in_folder(folder.path().join(what));
        let mut own = logs.create(&uid()).unwrap();
        own.write_all(b"before\n").unwrap();
        assert_eq!(text(&logs).await, "before\n");
        std::fs::remove_file(logs.path(&uid())).unwrap();
        replace(&logs.path(&uid()));
        assert_eq!(text(&logs).await, LINE, "{what}");
        let rest = logs.read(&uid(), 20, 3).await.unwrap();
        assert_eq!(
            (rest.bytes.as_slice(), rest.next_offset),
            (&b"ts "[..], 23),
            "{what}"
        );
        logs.seal(&uid(), &own);
        assert_eq!(text(&logs).await, LINE, "{what}");
        let next_incarnation = LogFiles::in_folder(folder.path().join(what));
        assert_eq!(text(&next_incarnation).await, LINE, "{what}");
    }
}

#[tokio::test]
async fn a_later_incarnation_reads_no_link_no_folder_and_no_fifo() {
    let folder = tempfile::tempdir().unwrap();
    for (what, replace) in replacements(folder.path()) {
        let logs = LogFiles::in_folder(folder.path().join(what));
        std::fs::create_dir_all(logs.path(&uid()).parent().unwrap()).unwrap();
        replace(&logs.path(&uid()));
        let expected = match what {
            // It is content that the task could have written into its log.
            "a file" => "forged",
            "nothing" => "",
            _ => LINE,
        };
        assert_eq!(text(&logs).await, expected, "{what}");
    }
}

#[tokio::test]
async fn the_folder_of_an_instance_is_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let logs = LogFiles::in_folder(folder.path().join("logs"));
    std::fs::write(elsewhere.join("1-42-0-1-1.log"), "secret").unwrap();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.path().join("logs/42")).unwrap();
    assert_eq!(text(&logs).await, LINE);
    logs.create(&uid()).unwrap().write_all(b"own").unwrap();
    assert_eq!(text(&logs).await, "own");
    assert_eq!(
        std::fs::read_dir(&elsewhere).unwrap().count(),
        1,
        "nothing is written there"
    );
}

#[tokio::test]
async fn an_own_log_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let logs = LogFiles::in_folder(folder.path());
    let mut own = logs.create(&uid()).unwrap();
    own.write_all(b"own").unwrap();
    logs.seal(&uid(), &own);
    assert_eq!(text(&logs).await, "own");
}

#[tokio::test]
async fn the_logs_of_a_deleted_instance_are_removed_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let logs = LogFiles::in_folder(folder.path());
    logs.create(&uid()).unwrap().write_all(b"own").unwrap();
    let other: DispatchId = "1-43-0-1-1".parse().unwrap();
    logs.create(&other).unwrap().write_all(b"other").unwrap();
    logs.remove_instance(uid().instance).unwrap();
    logs.remove_instance(uid().instance).unwrap();
    assert!(!logs.path(&uid()).exists());
    std::fs::create_dir_all(folder.path().join("1-2.removed/a")).unwrap();
    LogFiles::in_folder(folder.path()).resume_removals();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while std::fs::read_dir(folder.path()).unwrap().count() > 1 {
        assert!(std::time::Instant::now() < deadline, "they should be removed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(logs.path(&other).exists());
}
