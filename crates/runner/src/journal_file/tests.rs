use super::*;

fn incarnation(worker: i64) -> JournalRecord {
    JournalRecord::Incarnation {
        worker: engine::ids::Incarnation(worker),
        boot_id: "boot".to_owned(),
    }
}

#[tokio::test]
async fn lines_come_back_in_order_also_after_a_replace() {
    let folder = tempfile::tempdir().unwrap();
    let journal = JournalFile::in_data(folder.path());
    assert_eq!(journal.read().await.unwrap(), Vec::new());
    journal.append(&[incarnation(1), incarnation(2)]).await.unwrap();
    journal.append(&[incarnation(3)]).await.unwrap();
    journal.sync().await.unwrap();
    assert_eq!(
        journal.read().await.unwrap(),
        vec![incarnation(1), incarnation(2), incarnation(3)]
    );
    journal.replace(&[incarnation(3)]).await.unwrap();
    journal.append(&[incarnation(4)]).await.unwrap();
    let later = JournalFile::in_data(folder.path());
    assert_eq!(later.read().await.unwrap(), vec![incarnation(3), incarnation(4)]);
}

#[tokio::test]
async fn a_line_that_was_cut_off_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let journal = JournalFile::in_data(folder.path());
    journal.append(&[incarnation(1), incarnation(2)]).await.unwrap();
    let path = folder.path().join("worker-journal.jsonl");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    assert_eq!(journal.read().await.unwrap(), vec![incarnation(1)]);
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("worker-journal.jsonl")).unwrap();
    let journal = JournalFile::in_data(folder.path());
    let error = journal.append(&[incarnation(1)]).await.unwrap_err();
    assert!(error.to_string().contains("worker-journal.jsonl"), "{error}");
}

#[tokio::test]
async fn a_fifo_in_the_place_of_the_file_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker-journal.jsonl");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let journal = JournalFile::in_data(folder.path());
    let error = journal.read().await.unwrap_err();
    assert!(error.to_string().contains("worker-journal.jsonl"), "{error}");
}

/// Appends until the journal sees that its file was replaced.
async fn until_refused(journal: &JournalFile) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while journal.append(&[incarnation(9)]).await.is_ok() {
        assert!(Instant::now() < deadline, "it should be refused");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_journal_that_a_task_replaced_is_written_again_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker-journal.jsonl");
    let other = folder.path().join("other");
    let journal = JournalFile::in_data(folder.path());
    journal.append(&[incarnation(1)]).await.unwrap();
    let replacements: [&dyn Fn(); 3] = [
        &|| std::os::unix::fs::symlink(&other, &path).unwrap(),
        &|| fs::create_dir(&path).unwrap(),
        &|| {},
    ];
    for replace in replacements {
        fs::remove_file(&path).unwrap();
        replace();
        until_refused(&journal).await;
        journal.replace(&[incarnation(1)]).await.unwrap();
        journal.append(&[incarnation(2)]).await.unwrap();
        assert_eq!(
            journal.read().await.unwrap(),
            vec![incarnation(1), incarnation(2)]
        );
        assert!(!other.exists(), "nothing is written there");
    }
}
