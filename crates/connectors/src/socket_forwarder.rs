//! Gives a checked TCP connection to a client that insists on connecting by itself.
//!
//! A database client resolves its host again, and may then come to an address that was never checked. It gets a private
//! socket in its place, behind which stands the connection that exists; it still checks the certificate by the host.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinHandle;

/// A socket that leads to one connection.
pub(crate) struct SocketForwarder {
    folder: TempDir,
    file: PathBuf,
    forwarding: JoinHandle<()>,
}

impl SocketForwarder {
    /// Offers a connection at a socket of this name, in a folder that only this user can enter; the first client gets it.
    pub(crate) fn offer(stream: TcpStream, file_name: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("porpoise-socket-").tempdir()?;
        let file = folder.path().join(file_name);
        let listener = UnixListener::bind(&file)?;
        let forwarding = tokio::spawn(async move {
            let mut stream = stream;
            if let Ok((mut client, _)) = listener.accept().await {
                // Whichever side ends it: the client notices.
                copy_bidirectional(&mut client, &mut stream).await.ok();
            }
        });
        Ok(Self {
            folder,
            file,
            forwarding,
        })
    }

    /// Returns the folder of the socket.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the socket.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for SocketForwarder {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}
