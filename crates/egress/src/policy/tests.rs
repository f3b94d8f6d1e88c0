use super::*;

fn allows(policy: EgressPolicy, address: &str) -> bool {
    policy.allows(address.parse().unwrap())
}

#[test]
fn metadata_and_link_local_addresses_are_denied_in_every_spelling() {
    for address in [
        "169.254.169.254",
        "169.254.0.1",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
    ] {
        assert!(!allows(EgressPolicy::DenyMetadata, address), "{address}");
        assert!(!allows(EgressPolicy::PublicOnly, address), "{address}");
    }
}

#[test]
fn own_services_are_allowed_unless_only_public_addresses_are() {
    for address in ["127.0.0.1", "10.1.2.3", "192.168.1.1", "::1", "fd12::1"] {
        assert!(allows(EgressPolicy::DenyMetadata, address), "{address}");
        assert!(!allows(EgressPolicy::PublicOnly, address), "{address}");
    }
    assert!(allows(EgressPolicy::PublicOnly, "93.184.216.34"));
}

#[test]
fn a_url_with_a_denied_address_is_refused_before_anything_is_sent() {
    for url in [
        "http://169.254.169.254/latest",
        "http://[fd00:ec2::254]/",
        "http://0xa9fea9fe/",
        "ftp://h/",
    ] {
        assert!(
            EgressPolicy::DenyMetadata
                .check_url(&url.parse().unwrap())
                .is_err(),
            "{url}"
        );
    }
    assert_eq!(
        EgressPolicy::DenyMetadata.check_url(&"http://localhost:1/".parse().unwrap()),
        Ok(())
    );
}
