//! A bad network for tests: a UDP proxy between one client and an exchange, which loses, doubles, delays and so
//! reorders datagrams as a seed decides, can be cut for a while, and can come from another port from now on.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::watch;

/// More than any datagram.
const DATAGRAM_MAX: usize = 65_536;

/// How often what happens to a datagram, in thousandths; each by itself, both ways.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) lost: u32,
    pub(crate) doubled: u32,
    /// Sent on later than it came, and so mostly after others that came later.
    pub(crate) late: u32,
    /// By how much at most.
    pub(crate) late_by: Duration,
}

impl Weather {
    /// Nothing happens to any.
    pub(crate) const CALM: Weather = Weather { lost: 0, doubled: 0, late: 0, late_by: Duration::ZERO };
    /// Much happens to many.
    pub(crate) const STORM: Weather =
        Weather { lost: 60, doubled: 60, late: 250, late_by: Duration::from_millis(20) };

    /// What becomes of the next datagram: how late each of its copies is sent on.
    fn fate(&self, random: &mut StdRng) -> Vec<Duration> {
        let mut happens = |often: u32| random.random_range(0..1_000) < often;
        let (lost, doubled, late) =
            (happens(self.lost), happens(self.doubled), [(); 2].map(|()| happens(self.late)));
        let copies = usize::from(!lost) + usize::from(!lost && doubled);
        let by = late.map(|late| if late { self.late_by.mul_f64(random.random()) } else { Duration::ZERO });
        by[..copies].to_vec()
    }
}

/// Between one client and an exchange. It ends when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where the client calls.
    pub(crate) address: SocketAddr,
    course: watch::Sender<Course>,
    pub(crate) seen: Arc<Seen>,
}

/// What the proxy is to do now.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// Where the exchange is.
    target: SocketAddr,
    weather: Weather,
    /// Nothing comes through.
    is_cut: bool,
    /// Changes when the proxy is to speak to the exchange from another port.
    port: u32,
}

/// So many datagrams of the client are kept.
const KEPT: usize = 4_096;

/// What has happened to datagrams so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    from_client: Mutex<Vec<Vec<u8>>>,
    carried: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
    late: AtomicU64,
    swallowed: AtomicU64,
    calls_swallowed: AtomicU64,
}

impl Seen {
    /// What the client has sent, as it came; the first few thousand.
    pub(crate) fn client_sent(&self) -> Vec<Vec<u8>> {
        self.from_client.lock().unwrap().clone()
    }

    fn keep(&self, datagram: &[u8]) {
        let mut kept = self.from_client.lock().unwrap();
        if kept.len() < KEPT {
            kept.push(datagram.to_vec());
        }
    }

    /// Sent on, copies not counted.
    pub(crate) fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }

    /// Lost, doubled and delayed ones.
    pub(crate) fn harmed(&self) -> [u64; 3] {
        [&self.lost, &self.doubled, &self.late].map(|count| count.load(Ordering::Relaxed))
    }

    /// Held up by a cut.
    pub(crate) fn swallowed(&self) -> u64 {
        self.swallowed.load(Ordering::Relaxed)
    }

    /// Those of them with which a client began a new connection: it has given the one before up.
    pub(crate) fn calls_swallowed(&self) -> u64 {
        self.calls_swallowed.load(Ordering::Relaxed)
    }
}

impl Proxy {
    /// A proxy in front of `target`, in this weather, which happens as `seed` decides.
    pub(crate) async fn start(target: SocketAddr, weather: Weather, seed: u64) -> Proxy {
        let outside = Arc::new(bind().await);
        let address = outside.local_addr().unwrap();
        let (course, watched) = watch::channel(Course { target, weather, is_cut: false, port: 0 });
        let seen = Arc::new(Seen::default());
        let random = StdRng::seed_from_u64(seed);
        let carrier =
            Carrier { outside, inside: Arc::new(bind().await), client: None, random, seen: seen.clone() };
        tokio::spawn(carrier.run(watched));
        Proxy { address, course, seen }
    }

    /// The exchange is somewhere else from now on.
    pub(crate) fn towards(&self, target: SocketAddr) {
        self.course.send_modify(|course| course.target = target);
    }

    /// Nothing comes through until it is mended.
    pub(crate) fn cut(&self) {
        self.course.send_modify(|course| course.is_cut = true);
    }

    /// The cut is over.
    pub(crate) fn mend(&self) {
        self.course.send_modify(|course| course.is_cut = false);
    }

    /// The weather changes.
    pub(crate) fn set_weather(&self, weather: Weather) {
        self.course.send_modify(|course| course.weather = weather);
    }

    /// The exchange sees the client come from another port, as when a router forgets whose the old one was.
    pub(crate) fn move_port(&self) {
        self.course.send_modify(|course| course.port += 1);
    }
}

/// The task behind it.
struct Carrier {
    /// Towards the client.
    outside: Arc<UdpSocket>,
    /// Towards the exchange.
    inside: Arc<UdpSocket>,
    client: Option<SocketAddr>,
    random: StdRng,
    seen: Arc<Seen>,
}

impl Carrier {
    async fn run(mut self, mut watched: watch::Receiver<Course>) {
        let (mut from_client, mut from_exchange) = (vec![0; DATAGRAM_MAX], vec![0; DATAGRAM_MAX]);
        let mut port = 0;
        loop {
            let course = *watched.borrow();
            if course.port != port {
                port = course.port;
                self.inside = Arc::new(bind().await);
            }
            tokio::select! {
                changed = watched.changed() => if changed.is_err() { return },
                read = self.outside.recv_from(&mut from_client) => {
                    let Ok((length, from)) = read else { continue };
                    self.client = Some(from);
                    self.seen.keep(&from_client[..length]);
                    let inside = Arc::clone(&self.inside);
                    self.carry(&from_client[..length], &inside, course.target, &watched);
                }
                read = self.inside.recv_from(&mut from_exchange) => {
                    let (Ok((length, _)), Some(client)) = (read, self.client) else { continue };
                    let outside = Arc::clone(&self.outside);
                    self.carry(&from_exchange[..length], &outside, client, &watched);
                }
            }
        }
    }

    fn carry(
        &mut self,
        datagram: &[u8],
        through: &Arc<UdpSocket>,
        to: SocketAddr,
        watched: &watch::Receiver<Course>,
    ) {
        let Course { is_cut, weather, .. } = *watched.borrow();
        let count = |counter: &AtomicU64, happened| counter.fetch_add(u64::from(happened), Ordering::Relaxed);
        if is_cut {
            count(&self.seen.swallowed, true);
            // The first packet of a connection has a long header of the type Initial.
            count(&self.seen.calls_swallowed, datagram.first().is_some_and(|first| first & 0xf0 == 0xc0));
            return;
        }
        let copies = weather.fate(&mut self.random);
        count(&self.seen.carried, !copies.is_empty());
        count(&self.seen.lost, copies.is_empty());
        count(&self.seen.doubled, copies.len() > 1);
        count(&self.seen.late, copies.iter().any(|late| !late.is_zero()));
        for late in copies {
            if late.is_zero() {
                // What cannot be sent is lost, as datagrams are.
                let _ = through.try_send_to(datagram, to);
                continue;
            }
            let (through, datagram, watched) = (Arc::clone(through), datagram.to_vec(), watched.clone());
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                if !watched.borrow().is_cut {
                    let _ = through.send_to(&datagram, to).await;
                }
            });
        }
    }
}

async fn bind() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

#[test]
fn a_seed_is_the_whole_weather_and_each_kind_of_it_happens() {
    let fates = |seed, weather: Weather| {
        let mut random = StdRng::seed_from_u64(seed);
        (0..2_000).map(|_| weather.fate(&mut random)).collect::<Vec<_>>()
    };
    let storm = fates(7, Weather::STORM);
    assert_eq!(storm, fates(7, Weather::STORM));
    assert_ne!(storm, fates(8, Weather::STORM));
    for copies in 0..=2 {
        assert!(storm.iter().any(|fate| fate.len() == copies), "{copies} copies");
    }
    assert!(storm.iter().flatten().any(|late| !late.is_zero() && *late <= Weather::STORM.late_by));
    assert!(fates(7, Weather::CALM).iter().all(|fate| *fate == [Duration::ZERO]));
}

#[tokio::test]
async fn what_is_cut_does_not_come_through_and_a_moved_port_does() {
    let (exchange, client) = (bind().await, bind().await);
    let proxy = Proxy::start(exchange.local_addr().unwrap(), Weather::CALM, 1).await;
    let mut buffer = [0; 8];
    let mut ports = Vec::new();
    for word in [b"one", b"two"] {
        client.send_to(word, proxy.address).await.unwrap();
        let (length, from) = exchange.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], word);
        exchange.send_to(b"back", from).await.unwrap();
        assert_eq!(client.recv_from(&mut buffer).await.unwrap(), (4, proxy.address));
        ports.push(from.port());
        proxy.move_port();
    }
    assert_ne!(ports[0], ports[1]);
    proxy.cut();
    client.send_to(b"lost", proxy.address).await.unwrap();
    while proxy.seen.swallowed() == 0 {
        tokio::task::yield_now().await;
    }
    proxy.mend();
    client.send_to(b"here", proxy.address).await.unwrap();
    let (length, _) = exchange.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..length], proxy.seen.carried()), (&b"here"[..], 5));
}
