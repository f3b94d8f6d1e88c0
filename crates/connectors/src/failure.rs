//! Words for what fails below every protocol: at sockets, and with certificates.

use std::error::Error;
use std::io::{self, ErrorKind};

use rustls::CertificateError;

/// Says what failed when that was the way to a server, or its certificate.
pub(crate) fn explain_contact(error: &(dyn Error + 'static), host: &str, port: u16) -> Option<String> {
    explain_identity(error, host)
        .or_else(|| find_cause::<io::Error>(error).and_then(|error| explain_socket(error, host, port)))
}

/// Says what is wrong with the certificate of a server; none when that is not why.
pub(crate) fn explain_identity(error: &(dyn Error + 'static), host: &str) -> Option<String> {
    match find_cause::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(why)) => Some(explain_certificate(why, host)),
        _ => None,
    }
}

/// Says why no connection was made; none when that is not why.
pub(crate) fn explain_socket(error: &io::Error, host: &str, port: u16) -> Option<String> {
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => format!("nothing listens at port {port} of {host}"),
        ErrorKind::TimedOut => format!("{host} does not answer at port {port}"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            format!("there is no way to {host} from this worker")
        }
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            format!("{host} closed the connection")
        }
        _ => return None,
    })
}

fn explain_certificate(why: &CertificateError, host: &str) -> String {
    let what = match why {
        CertificateError::UnknownIssuer => {
            "comes from no authority that this worker trusts; name the authority in `ca`".to_owned()
        }
        CertificateError::NotValidForName => format!("is for another name than {host}"),
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("is for {}, not for {host}", presented.join(", "))
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet".to_owned()
        }
        other => format!("cannot be trusted: {other}"),
    };
    format!("the certificate of the server {what}")
}

/// Finds a cause of a type, also inside of I/O errors, which leave what they wrap out of their chain.
fn find_cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inside = || wrapped.and_then(|wrapped| find_cause(wrapped));
        if let Some(found) = error.downcast_ref().or_else(inside) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_found_inside_of_an_i_o_error() {
        let wrong = rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected: "db.example.org".try_into().expect("a name"),
            presented: vec!["DnsName(\"other.example.org\")".to_owned()],
        });
        let wrapped = io::Error::new(ErrorKind::InvalidData, wrong);
        let text = explain_contact(&wrapped, "db.example.org", 5432).expect("words");
        assert!(
            text.contains("other.example.org") && text.ends_with("not for db.example.org"),
            "{text}"
        );
        let closed = io::Error::from(ErrorKind::UnexpectedEof);
        assert_eq!(explain_contact(&closed, "h", 1), None);
    }
}
