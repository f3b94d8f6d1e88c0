use std::os::unix::fs::PermissionsExt;

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
        logs.seal(&uid(), &own, UnusedFiles::Remove);
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
    logs.seal(&uid(), &own, UnusedFiles::Remove);
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

/// What a task does to the spare log (the first path), or outside of it.
type SpareChange = fn(&Path, &Path);

/// What a task puts at the name of a log.
type Plant = fn(&Path);

fn next_uid() -> DispatchId {
    "1-43-0-1-1".parse().unwrap()
}

async fn text_of(logs: &LogFiles, uid: &DispatchId) -> String {
    let part = logs.read(uid, 0, 1000).await.unwrap();
    String::from_utf8(part.bytes).unwrap()
}

/// The log of an attempt that has ended without output.
fn unused_log(root: &Path) -> LogFiles {
    let logs = LogFiles::in_folder(root);
    let own = logs.create(&uid()).unwrap();
    logs.seal(&uid(), &own, UnusedFiles::Recycle);
    logs
}

fn spare_file(root: &Path) -> PathBuf {
    let entries = std::fs::read_dir(root).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths
        .find(|path| path.extension().is_some_and(|end| end == SPARE_EXTENSION))
        .expect("a spare file")
}

#[tokio::test]
async fn an_empty_log_becomes_that_of_the_next_attempt_and_stays_empty_for_readers() {
    let folder = tempfile::tempdir().unwrap();
    let logs = unused_log(folder.path());
    let inode = std::fs::metadata(spare_file(folder.path())).unwrap().ino();
    assert_eq!(text(&logs).await, "");
    let mut next = logs.create(&next_uid()).unwrap();
    assert_eq!(next.metadata().unwrap().ino(), inode);
    next.write_all(b"next").unwrap();
    assert_eq!(text(&logs).await, "");
    assert_eq!(text_of(&logs, &next_uid()).await, "next");
    let restarted = LogFiles::in_folder(folder.path());
    assert_eq!(text(&restarted).await, "");
    assert_eq!(text_of(&restarted, &next_uid()).await, "next");
}

#[tokio::test]
async fn a_log_that_a_process_may_still_have_open_is_not_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let logs = LogFiles::in_folder(folder.path());
    let own = logs.create(&uid()).unwrap();
    logs.seal(&uid(), &own, UnusedFiles::Remove);
    assert!(logs.path(&uid()).exists());
    (&own).write_all(b"late").unwrap();
    assert_eq!(text(&logs).await, "late");
}

#[tokio::test]
async fn a_spare_log_that_a_task_changed_is_not_used() {
    let changes: [(&str, SpareChange); 6] = [
        ("written", |spare, _| std::fs::write(spare, "planted").unwrap()),
        ("opened to others", |spare, _| {
            std::fs::set_permissions(spare, std::fs::Permissions::from_mode(0o666)).unwrap();
        }),
        ("given a second name", |spare, secret| {
            std::fs::hard_link(spare, secret.with_extension("second")).unwrap();
        }),
        ("replaced by a link", |spare, secret| {
            std::fs::remove_file(spare).unwrap();
            std::os::unix::fs::symlink(secret, spare).unwrap();
        }),
        ("replaced by a folder", |spare, _| {
            std::fs::remove_file(spare).unwrap();
            std::fs::create_dir(spare).unwrap();
        }),
        ("removed", |spare, _| std::fs::remove_file(spare).unwrap()),
    ];
    for (what, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let (root, secret) = (folder.path().join("logs"), folder.path().join("secret"));
        std::fs::write(&secret, "secret").unwrap();
        let logs = unused_log(&root);
        change(&spare_file(&root), &secret);
        let mut next = logs.create(&next_uid()).unwrap();
        next.write_all(b"next").unwrap();
        assert_eq!(text_of(&logs, &next_uid()).await, "next", "{what}");
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret", "{what}");
    }
}

#[tokio::test]
async fn a_spare_log_replaces_what_a_task_put_at_the_name() {
    let changes: [(&str, Plant); 3] = [
        ("a file", |path| std::fs::write(path, "planted").unwrap()),
        ("a link", |path| {
            std::os::unix::fs::symlink("/etc/passwd", path).unwrap()
        }),
        ("a folder", |path| std::fs::create_dir(path).unwrap()),
    ];
    for (what, plant) in changes {
        let folder = tempfile::tempdir().unwrap();
        let logs = unused_log(folder.path());
        let path = logs.path(&next_uid());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        plant(&path);
        let mut next = logs.create(&next_uid()).unwrap();
        next.write_all(b"next").unwrap();
        assert_eq!(text_of(&logs, &next_uid()).await, "next", "{what}");
    }
}
