//! An exchange without an engine: the real gateway, queues and journal, and an echo that accepts every order.

use crate::{FloorError, on_thread};
use protocol::CloseCode;
use sequencer::{Counters, Exchange, Options};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;
use transport::PrivateKey;
use types::PublicKey;

/// A running one, on a thread and runtime of its own. It ends when dropped.
#[derive(Debug)]
pub struct EchoExchange {
    address: SocketAddr,
    key: PublicKey,
    operator: PrivateKey,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<Result<Counters, FloorError>>,
}

impl EchoExchange {
    /// Starts one in an empty directory, with an operator of its own.
    ///
    /// # Errors
    /// [`FloorError`] if the directory or a port cannot be used.
    pub async fn start(directory: &Path) -> Result<EchoExchange, FloorError> {
        let (operator, key) = (PrivateKey::generate(), PrivateKey::generate());
        let (tell, told) = oneshot::channel();
        let (stop, stopping) = oneshot::channel();
        let (directory, first, public) = (directory.to_owned(), operator.public(), key.public());
        let mut stopped = on_thread("floor-echo", move || run(directory, first, key, tell, stopping))?;
        let address = tokio::select! {
            biased;
            Ok(address) = told => address,
            ended = &mut stopped => return Err(ended.ok().and_then(Result::err).unwrap_or_else(gone)),
        };
        Ok(EchoExchange { address, key: public, operator, stop, stopped })
    }

    /// Where its gateway is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The key it is known by.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The key of its operator.
    #[must_use]
    pub fn operator(&self) -> &PrivateKey {
        &self.operator
    }

    /// Stops it, and says how many commands it took in how many batches.
    ///
    /// # Errors
    /// [`FloorError`] if it had stopped by itself.
    pub async fn stop(self) -> Result<Counters, FloorError> {
        // It has stopped already if it does not listen.
        let _ = self.stop.send(());
        self.stopped.await.map_err(|_| gone())?
    }
}

async fn run(
    directory: PathBuf,
    operator: PublicKey,
    key: PrivateKey,
    tell: oneshot::Sender<SocketAddr>,
    stopping: oneshot::Receiver<()>,
) -> Result<Counters, FloorError> {
    let options = Options::default();
    sequencer::init(&directory, &options, operator)?;
    let Exchange { recovery, entry, outlets, handle } = sequencer::start_echo(&directory, &options)?;
    // Nobody is told of the market.
    drop(outlets.feed);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config =
        gateway::Config { address, key, clock: options.clock, limits: gateway::Limits::unthrottled() };
    let gateway = gateway::serve(config, &recovery, entry, outlets.gateway).await?;
    // Whoever started it may be gone; then nobody will say when to stop either.
    let _ = tell.send(gateway.address());
    let failure = tokio::select! {
        _ = stopping => None,
        failure = handle.failed() => Some(failure),
    };
    let counters = handle.counters();
    // A failure is known already.
    let _ = handle.stop().await;
    gateway.shutdown(CloseCode::Stopping).await;
    match failure {
        None => Ok(counters),
        Some(failure) => Err(std::io::Error::other(failure).into()),
    }
}

fn gone() -> FloorError {
    std::io::Error::other("the echo's thread ended without a word").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::{ExchangeInfo, Session};
    use types::{ClassSpec, ContractId, Hour, Role, TimeInForce, Timestamp, Why};

    #[tokio::test]
    async fn orders_are_accepted_of_whoever_has_nothing_and_can_be_cancelled() {
        let directory = tempfile::tempdir().unwrap();
        let echo = EchoExchange::start(directory.path()).await.unwrap();
        let info = ExchangeInfo { gateway: echo.address(), feed: echo.address(), key: echo.key() };
        let operator = Session::connect(&info, echo.operator()).await.unwrap();
        let class = operator.define_class(ClassSpec::example(), Why::NONE).await.unwrap();
        let account = operator.open_account("poor".parse().unwrap(), Role::Broker, Why::NONE).await.unwrap();
        let key = PrivateKey::generate();
        operator
            .register_key(account, key.public(), Role::Broker.rights(), Timestamp::MAX, Why::NONE)
            .await
            .unwrap();
        let session = Session::connect(&info, &key).await.unwrap();
        let contract = ContractId::new(class, Hour(500_000));
        let bid = session.buy(contract, TimeInForce::Gtc, 1_000, 8).await.unwrap();
        let bids = session.account().await.unwrap().orders;
        assert_eq!(bids.iter().map(|order| order.order).collect::<Vec<_>>(), [bid.order]);
        session.cancel(bid).await.unwrap();
        assert!(session.account().await.unwrap().orders.is_empty());
        session.close().await;
        operator.close().await;
        let counters = echo.stop().await.unwrap();
        assert_eq!(counters.commands, 5);
    }
}
