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
