use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// How a receiver behaves after it has read a request.
type Behaviour = fn(&mut TcpStream);

/// Receives one request and answers it; returns its address and what it received.
fn receiver(behaviour: Behaviour) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let received = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let text = read_request(&mut stream);
        behaviour(&mut stream);
        text
    });
    (url, received)
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).unwrap();
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if count == 0 || text.ends_with("the body") {
            return text;
        }
    }
}

fn request(url: &str, answer: AnswerRule) -> ChannelRequest {
    ChannelRequest {
        method: reqwest::Method::POST,
        url: url.to_owned(),
        headers: vec![("X-One".to_owned(), "1".to_owned())],
        body: "the body".to_owned(),
        answer,
    }
}

async fn send(url: &str, answer: AnswerRule) -> SendOutcome {
    let client = HttpClient::new(EgressPolicy::DenyMetadata).unwrap();
    client.send(request(url, answer), DeliveryId(9)).await
}

#[track_caller]
fn assert_failed(outcome: SendOutcome, expected: &str) -> Option<Duration> {
    match outcome {
        SendOutcome::Failed { error, retry_after } if error.contains(expected) => retry_after,
        other => panic!("{other:?} is no failure with `{expected}`"),
    }
}

#[tokio::test]
async fn a_request_carries_its_delivery_and_a_success_needs_no_body() {
    // The body of the answer never ends.
    let (url, received) = receiver(|stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            .unwrap();
        thread::sleep(Duration::from_millis(300));
    });
    assert_eq!(send(&url, AnswerRule::Status).await, SendOutcome::Delivered);
    let text = received.join().unwrap().to_ascii_lowercase();
    for line in [
        "post /hook http/1.1",
        "porpoise-delivery: 9",
        "x-one: 1",
        "user-agent: porpoise/",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_gets_it() {
    let (url, _) = receiver(|stream| {
        let answer = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 77\r\nContent-Length: 4\r\n\r\nslow";
        stream.write_all(answer).unwrap();
    });
    let pause = assert_failed(send(&url, AnswerRule::Status).await, "429: slow");
    assert_eq!(pause, Some(Duration::from_secs(77)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (url, _) = receiver(|stream| {
        let answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).unwrap();
    });
    assert_failed(send(&url, AnswerRule::Status).await, "redirects");
}

#[tokio::test]
async fn a_huge_answer_is_read_as_far_as_it_counts() {
    let (url, _) = receiver(|stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            .unwrap();
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let begun = Instant::now();
    assert_eq!(send(&url, AnswerRule::ErrorCode).await, SendOutcome::Delivered);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn receivers_that_close_or_are_not_there_are_tried_again() {
    let (url, _) = receiver(|stream| stream.shutdown(std::net::Shutdown::Both).unwrap());
    let outcome = send(&url, AnswerRule::Status).await;
    assert!(matches!(outcome, SendOutcome::Failed { .. }), "{outcome:?}");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = send(&format!("http://{gone}/s3cr3t"), AnswerRule::Status).await;
    assert_failed(outcome.clone(), "nothing listens there");
    assert!(!format!("{outcome:?}").contains("s3cr3t"), "{outcome:?}");
}

/// The deadline is that of all, so the two cases share one test.
#[tokio::test]
async fn receivers_that_hang_or_drip_are_given_up_after_the_deadline() {
    let (hanging, _) = receiver(|_| thread::sleep(Duration::from_secs(13)));
    let (dripping, _) = receiver(|stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            .unwrap();
        for _ in 0..60 {
            thread::sleep(Duration::from_millis(200));
            stream.write_all(b"x").ok();
        }
    });
    let begun = Instant::now();
    let (hung, dripped) = tokio::join!(
        send(&hanging, AnswerRule::Status),
        send(&dripping, AnswerRule::ErrorCode)
    );
    assert_failed(hung, "did not answer within 10 s");
    assert_failed(dripped, "did not answer within 10 s");
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn metadata_services_are_never_asked() {
    for url in [
        "http://169.254.169.254/latest",
        "http://[fd00:ec2::254]/",
        "ftp://example.org/",
    ] {
        let outcome = send(url, AnswerRule::Status).await;
        assert!(
            matches!(outcome, SendOutcome::Refused { .. }),
            "{url}: {outcome:?}"
        );
    }
}
