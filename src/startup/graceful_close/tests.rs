use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::{has_pending_connection, refuse_new_connections};

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
fn no_connection_begins_and_those_that_exist_are_served() {
    for listener in both_families() {
        let address = listener.local_addr().unwrap();
        let mut inside = TcpStream::connect(address).unwrap();
        refuse_new_connections(&listener).unwrap();
        let outside = TcpStream::connect_timeout(&address, SOON).unwrap_err();
        assert_eq!(
            outside.kind(),
            ErrorKind::TimedOut,
            "{address}: neither accepted nor reset"
        );
        assert!(
            has_pending_connection(&listener),
            "the first one was not accepted yet"
        );
        let (mut accepted, _) = listener.accept().unwrap();
        assert!(!has_pending_connection(&listener), "no connection came after it");
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
fn a_client_that_waits_is_refused_when_the_port_closes() {
    for listener in both_families() {
        let address = listener.local_addr().unwrap();
        refuse_new_connections(&listener).unwrap();
        let outside = std::thread::spawn(move || TcpStream::connect(address).unwrap_err());
        std::thread::sleep(SOON);
        drop(listener);
        assert_eq!(outside.join().unwrap().kind(), ErrorKind::ConnectionRefused);
    }
}
