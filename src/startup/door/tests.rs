use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::{admit_no_more, somebody_waits};

/// Shorter than the second after which a kernel tries a handshake again.
const SOON: Duration = Duration::from_millis(300);

fn both_families() -> Vec<TcpListener> {
    let addresses: [SocketAddr; 2] = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
    // A machine without IPv6 shows the same with IPv4 alone.
    let bound = addresses
        .into_iter()
        .filter_map(|address| TcpListener::bind(address).ok());
    bound.collect()
}

#[test]
fn a_shut_door_begins_no_connection_and_serves_those_that_had_begun() {
    for door in both_families() {
        let address = door.local_addr().unwrap();
        let mut inside = TcpStream::connect(address).unwrap();
        admit_no_more(&door).unwrap();
        let outside = TcpStream::connect_timeout(&address, SOON).unwrap_err();
        assert_eq!(
            outside.kind(),
            ErrorKind::TimedOut,
            "{address}: neither taken nor cut off"
        );
        assert!(somebody_waits(&door), "the first one was not accepted yet");
        let (mut accepted, _) = door.accept().unwrap();
        assert!(!somebody_waits(&door), "nobody came after it");
        inside.write_all(b"ask").unwrap();
        let mut asked = [0; 3];
        accepted.read_exact(&mut asked).unwrap();
        accepted.write_all(b"answer").unwrap();
        drop(accepted);
        let mut answer = String::new();
        inside.read_to_string(&mut answer).unwrap();
        assert_eq!((&asked, answer.as_str()), (b"ask", "answer"), "{address}");
    }
}

#[test]
fn whoever_came_to_a_shut_door_is_refused_when_it_closes() {
    for door in both_families() {
        let address = door.local_addr().unwrap();
        admit_no_more(&door).unwrap();
        let outside = std::thread::spawn(move || TcpStream::connect(address).unwrap_err());
        std::thread::sleep(SOON);
        drop(door);
        assert_eq!(outside.join().unwrap().kind(), ErrorKind::ConnectionRefused);
    }
}
