//! The loop: what is kept is tried, then mutations of it until the time is up.

use crate::corpus::Corpus;
use crate::guard::{self, Watch};
use crate::mutate::Mutator;
use crate::shrink::shrink;
use crate::{Attempt, Target, Trace};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many inputs are kept for further mutation; past it, a new one takes the place of another.
const POOL_MAX: usize = 4_096;

/// How long, and from which seed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long mutations are tried. What is kept is tried in any case.
    pub time: Duration,
    /// What decides the mutations.
    pub seed: u64,
}

/// What a run came to in which everything held.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How many inputs were tried.
    pub inputs: u64,
    /// How many traces they had between them.
    pub traces: usize,
    /// The first inputs that had a trace which nothing before them had, the corpus and the seeds left out.
    pub found: Vec<Vec<u8>>,
}

/// Something that does not hold of an input.
#[derive(Clone, Debug)]
pub struct Failure {
    target: &'static str,
    /// What does not hold.
    pub what: String,
    /// The input: in the corpus already, or written there now.
    pub file: PathBuf,
    seed: u64,
}

impl Options {
    /// As the environment says: `CUEX_FUZZ_SECONDS` for each target, else 2, or 60 with `CUEX_LONG`;
    /// `CUEX_FUZZ_SEED`, else by chance.
    #[must_use]
    pub fn from_environment() -> Options {
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let usual = if std::env::var_os("CUEX_LONG").is_some() { 60 } else { 2 };
        Options {
            time: Duration::from_secs(number("CUEX_FUZZ_SECONDS").unwrap_or(usual)),
            seed: number("CUEX_FUZZ_SEED").unwrap_or_else(rand::random),
        }
    }
}

/// Tries a target's corpus and seeds, and mutations of them until the time is up.
///
/// # Errors
/// [`Failure`] for the first input of which something does not hold, made small.
pub fn fuzz(target: &'static Target, corpus: &Corpus, options: &Options) -> Result<Summary, Failure> {
    let mut run = Run::new(target, corpus, options.seed);
    let kept = corpus.read().unwrap_or_else(|error| panic!("the corpus {corpus:?} cannot be read: {error}"));
    for (file, input) in kept {
        run.attempt(&input).map_err(|what| run.failure(what, &file))?;
        run.pool.push(input);
    }
    for seed in (target.seeds)() {
        run.attempt(&seed).map_err(|what| run.failure_of(&seed, what))?;
        run.pool.push(seed);
    }
    let mutator = Mutator::new((target.words)(), target.mend);
    let mut random = StdRng::seed_from_u64(options.seed);
    let began = Instant::now();
    let mut found = Vec::new();
    while began.elapsed() < options.time {
        let base = run.choose(&mut random);
        let input = mutator.mutate(&run.pool[base], &run.pool[run.choose(&mut random)], &mut random);
        match run.attempt(&input) {
            Ok(false) => {}
            Ok(true) => {
                if found.len() < POOL_MAX {
                    found.push(input.clone());
                }
                run.keep(input, &mut random);
            }
            Err(what) => return Err(run.failure_of(&input, what)),
        }
    }
    Ok(Summary { inputs: run.inputs, traces: run.traces.len(), found })
}

/// Tries one file.
///
/// # Errors
/// [`Failure`] if something does not hold of it.
pub fn retry(target: &'static Target, file: &Path) -> Result<Trace, Failure> {
    let input =
        std::fs::read(file).unwrap_or_else(|error| panic!("{} cannot be read: {error}", file.display()));
    let mut attempt = (target.start)();
    guard::attempt(&mut attempt, &input).map_err(|what| Failure {
        target: target.name,
        what,
        file: file.to_owned(),
        seed: 0,
    })
}

/// One target being tried.
struct Run<'a> {
    target: &'static Target,
    corpus: &'a Corpus,
    seed: u64,
    attempt: Attempt,
    watch: Watch,
    pool: Vec<Vec<u8>>,
    traces: BTreeSet<Trace>,
    inputs: u64,
}

impl<'a> Run<'a> {
    fn new(target: &'static Target, corpus: &'a Corpus, seed: u64) -> Run<'a> {
        let (kept, name) = (corpus.clone(), target.name);
        let watch = Watch::start(move |input| {
            // There is nobody left to tell but who reads the output.
            let file = kept.save(input);
            stuck(name, &file);
        });
        Run {
            target,
            corpus,
            seed,
            attempt: (target.start)(),
            watch,
            pool: Vec::new(),
            traces: BTreeSet::new(),
            inputs: 0,
        }
    }

    /// Tries an input, and says whether its trace is new.
    fn attempt(&mut self, input: &[u8]) -> Result<bool, String> {
        self.watch.tries(input);
        self.inputs += 1;
        let trace = guard::attempt(&mut self.attempt, input)?;
        Ok(self.traces.insert(trace))
    }

    /// One of the pool, half of the time one of the newest.
    fn choose(&self, random: &mut StdRng) -> usize {
        let end = self.pool.len();
        let start = if random.random_bool(0.5) { end - end.div_ceil(8) } else { 0 };
        random.random_range(start..end)
    }

    fn keep(&mut self, input: Vec<u8>, random: &mut StdRng) {
        if self.pool.len() < POOL_MAX {
            self.pool.push(input);
        } else {
            let at = random.random_range(0..POOL_MAX);
            self.pool[at] = input;
        }
    }

    /// Makes the input small and writes it down.
    fn failure_of(&self, input: &[u8], what: String) -> Failure {
        let place = what.lines().next().unwrap_or_default().to_owned();
        let small = shrink(input, |candidate| {
            self.watch.tries(candidate);
            let again = guard::attempt(&mut (self.target.start)(), candidate);
            again.is_err_and(|other| other.lines().next() == Some(place.as_str()))
        });
        match self.corpus.save(&small) {
            Ok(file) => self.failure(what, &file),
            Err(error) => panic!("{what}\nthe input cannot be written ({error}): {small:02x?}"),
        }
    }

    fn failure(&self, what: String, file: &Path) -> Failure {
        Failure { target: self.target.name, what, file: file.to_owned(), seed: self.seed }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { target, what, file, seed } = self;
        let file = file.display();
        writeln!(f, "{target}: {what}")?;
        writeln!(f, "the input is {file} (seed {seed})")?;
        write!(f, "again: cargo run -p fuzz -- {target} --input {file}")
    }
}

#[allow(clippy::print_stderr, reason = "the process ends right behind it")]
fn stuck(name: &str, file: &std::io::Result<PathBuf>) {
    eprintln!("{name}: an input takes forever; it is {file:?}");
}
