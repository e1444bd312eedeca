//! The byte stream to the service: TCP, TLS over TCP, or TLS within the TLS of a proxy.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, BufRead as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::tls::{self, CertificateRequest};

/// A connection with its layers of TLS.
pub(super) enum Line {
    Plain(TcpStream),
    Tls(Box<Secured>),
}

/// A TLS session, and whether its server requested a client certificate.
pub(super) struct Secured {
    pub(super) stream: TlsStream<Line>,
    pub(super) asked: CertificateRequest,
}

impl Line {
    /// Returns the session if its server may still refuse the handshake: it requested a client
    /// certificate, and in TLS 1.3 the client's side is done before the server decides.
    fn judging(&mut self) -> Option<&mut TlsStream<Line>> {
        let Self::Tls(secured) = self else {
            return None;
        };
        let version = secured.stream.get_ref().1.protocol_version();
        let judges = version == Some(ProtocolVersion::TLSv1_3) && secured.asked.came();
        judges.then_some(&mut secured.stream)
    }

    /// Returns the error of a server that refused the handshake for want of a client certificate,
    /// if this error proves that. See [`tls::refuses_our_certificate`].
    fn refusal(&mut self, error: &io::Error) -> Option<io::Error> {
        let session = self.judging()?.get_mut().1;
        let answered = session
            .reader()
            .fill_buf()
            .is_ok_and(|buffered| !buffered.is_empty());
        let refused = !answered && tls::refuses_our_certificate(error);
        refused.then(|| io::Error::new(error.kind(), HandshakeRefused(error.to_string())))
    }

    /// Reads until an alert or the end of the connection. Bytes of an answer stay in the session.
    fn poll_alert(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Error>> {
        let Some(stream) = self.judging() else {
            return Poll::Ready(None);
        };
        let (io, session) = stream.get_mut();
        loop {
            match session.read_tls(&mut Blocking { io, cx }) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Ok(0) | Err(_) => return Poll::Ready(None),
                Ok(_) => {}
            }
            if let Err(error) = session.process_new_packets() {
                let alert = io::Error::new(io::ErrorKind::InvalidData, error);
                return Poll::Ready(Some(alert));
            }
        }
    }
}

/// The reader of rustls: pending becomes `WouldBlock`.
struct Blocking<'a, 'b> {
    io: &'a mut Line,
    cx: &'a mut Context<'b>,
}

impl io::Read for Blocking<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.io).poll_read(self.cx, &mut buffer) {
            Poll::Ready(result) => result.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(secured) => secured.stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_write_vectored(cx, slices),
        }
    }
}

/// The connection that hyper writes requests to. Its errors report whether a TLS 1.3 server refused
/// the handshake after the client's side of it was done.
pub(super) struct Exchanging {
    line: Line,
    /// `true` if the peer is a forward proxy, which requires absolute URIs in requests.
    proxied: bool,
    /// `true` if the peer has sent any byte of an answer.
    answered: bool,
    /// The error of a failed write, while bytes that the peer wrote before are still to be read.
    write_failed: Option<io::Error>,
}

impl Exchanging {
    pub(super) fn new(line: Line, proxied: bool) -> Self {
        Self {
            line,
            proxied,
            answered: false,
            write_failed: None,
        }
    }

    fn failed(&mut self, error: io::Error) -> io::Error {
        if !self.answered
            && let Some(refused) = self.line.refusal(&error)
        {
            return refused;
        }
        if matches!(self.line, Line::Tls(_)) && error.kind() == io::ErrorKind::UnexpectedEof {
            // The message of rustls refers to its manual.
            let message = "the peer closed the connection without ending the TLS session";
            return io::Error::new(error.kind(), message);
        }
        error
    }

    /// Performs one write operation. A server that refuses the handshake also closes, so a write
    /// may fail before the refusal is read. A failure is therefore reported only after the bytes
    /// that the peer wrote before it.
    fn write<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut Line>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let error = match self.write_failed.take() {
            Some(error) => error,
            None => match write(Pin::new(&mut self.line), cx) {
                Poll::Ready(Err(error)) => error,
                other => return other,
            },
        };
        if self.answered {
            return Poll::Ready(Err(error));
        }
        match self.line.poll_alert(cx) {
            Poll::Pending => {
                self.write_failed = Some(error);
                Poll::Pending
            }
            Poll::Ready(Some(alert)) => Poll::Ready(Err(self.failed(alert))),
            Poll::Ready(None) => Poll::Ready(Err(self.failed(error))),
        }
    }
}

impl Connection for Exchanging {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.proxied)
    }
}

impl AsyncRead for Exchanging {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.line).poll_read(cx, buffer);
        this.answered |= buffer.filled().len() > before;
        polled.map_err(|error| this.failed(error))
    }
}

impl AsyncWrite for Exchanging {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .write(cx, |line, cx| line.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().write(cx, |line, cx| line.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .write(cx, |line, cx| line.poll_write_vectored(cx, slices))
    }
}

/// The error of a TLS 1.3 server that refused the handshake because it did not get a client
/// certificate.
#[derive(Clone, Debug)]
pub(super) struct HandshakeRefused(String);

impl fmt::Display for HandshakeRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for HandshakeRefused {}

#[cfg(test)]
mod tests;
