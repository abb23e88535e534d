//! A tool as a child process: its output live and captured, signals handed on, its end.
//!
//! Pipes, threads and handlers are made before the tool is started. Where the system has none to give, the
//! tool is started without: it runs, and only its output is not kept.

use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP,
    SIGTSTP, SIGURG, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH, SIGXCPU,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::cli::ui::Ui;

/// Where a tool may write NAME=VALUE lines about what it did.
pub(super) const FIELDS_VARIABLE: &str = "LEDGER_FIELDS";
const CHUNK: usize = 64 * 1024;
/// Chunks that may wait to be printed: the tool is slowed down rather than memory filled.
const CHUNKS: usize = 16;
/// More than what a thread here needs, and little where memory is limited.
const STACK: usize = 256 * 1024;
/// How long the output may stay silent after the tool ended, where something that the tool left
/// running holds it open.
const AFTERGLOW: Duration = Duration::from_millis(500);
/// What a shell ends with where a command is not there, or is there and cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;
/// What `timeout` ends with where the time is over.
const TIMED_OUT: u8 = 124;
/// How long a tool whose time is over has to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// What is handed on: everything that can be caught, but for what our own faults and writes, a child's end
/// and a terminal's turns raise here.
const HANDED_ON: [i32; 18] = [
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGWINCH,
    SIGCONT, SIGTSTP, SIGIO, SIGURG, SIGXCPU, SIGSYS, SIGTRAP, SIGABRT,
];
/// Those that ask for an end.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
/// Those that a terminal gives to the tool as well.
const FROM_TERMINAL: [i32; 4] = [SIGINT, SIGQUIT, SIGTSTP, SIGWINCH];

/// How a tool ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolExit {
    /// With this exit code.
    Code(u8),
    /// By this signal.
    Signal(i32),
    /// Before it began, and with which code a shell would say so.
    NotStarted(u8, String),
    /// It was ended when its time was over.
    TimedOut(Duration),
    /// With exit code 0, and without what proves the step.
    Unproven(String),
}

impl ToolExit {
    /// The exit code that tells it on.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Code(code) | Self::NotStarted(code, _) => *code,
            Self::TimedOut(_) => TIMED_OUT,
            Self::Unproven(_) => 0,
            Self::Signal(signal) => u8::try_from(signal.saturating_add(128)).unwrap_or(u8::MAX),
        }
    }

    /// In one line.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Code(code) => format!("the tool ended with exit code {code}"),
            Self::Signal(signal) => format!("the tool was killed by signal {signal}"),
            Self::NotStarted(_, why) => format!("the tool could not be started: {why}"),
            Self::TimedOut(time) => format!("the tool was ended after {} s", time.as_secs()),
            Self::Unproven(why) => format!("the tool ended with exit code 0, but {why}"),
        }
    }
}

/// A tool as it is to be run.
#[derive(Clone, Copy)]
pub(super) struct Tool<'a> {
    pub(super) command: &'a [OsString],
    /// Where it may write fields.
    pub(super) fields: Option<&'a Path>,
    /// Where it is nobody's own command line: what there is around it.
    pub(super) bounds: Option<&'a ToolBounds>,
}

/// What there is around a tool that runs by a plan: it has no terminal, and a process group of its own, which ends
/// as a whole when its time is over.
pub(crate) struct ToolBounds {
    /// Its folder.
    pub(crate) dir: std::path::PathBuf,
    /// Variables besides ours.
    pub(crate) env: Vec<(String, OsString)>,
    /// The longest it may run.
    pub(crate) time: Duration,
}

/// What a tool did.
pub(super) struct ToolRun {
    pub(super) ended: ToolExit,
    /// The first bytes of what it printed on both streams, in the order they came.
    pub(super) output: Vec<u8>,
    /// The most of them that are kept.
    pub(super) limit: u64,
    /// Whether it printed more than was kept.
    pub(super) truncated: bool,
    /// Whether a signal asked it to end.
    interrupted: Arc<AtomicBool>,
    /// Whom signals are handed on to, once somebody hands them on.
    running: Option<Running>,
}

impl ToolRun {
    /// Of a tool that is to be run, keeping the first `limit` bytes of its output.
    pub(super) fn keeping(limit: u64) -> Self {
        Self {
            ended: ToolExit::Code(0),
            output: Vec::new(),
            limit,
            truncated: false,
            interrupted: Arc::default(),
            running: None,
        }
    }

    /// The same for the next tool, with signals handed on by whoever does already.
    pub(super) fn renew(&mut self) {
        *self = Self {
            interrupted: self.interrupted.clone(),
            running: self.running.take(),
            ..Self::keeping(self.limit)
        };
    }

    /// Whether a signal asked it to end.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// Runs a tool to its end, its output behind what was printed before.
    pub(super) fn run(&mut self, tool: Tool<'_>, ui: &mut Ui) {
        let fault = match self.start(tool, ui) {
            Ok(news) => return self.pass_through(&news, tool.bounds, ui),
            Err(fault) => fault,
        };
        self.ended = match is_want(&fault) && tool.bounds.is_none() {
            true => {
                ui.warn(format!("the tool's output is not kept: {fault}"));
                run_bare(tool, ui)
            }
            false => not_started(&fault),
        };
        if let ToolExit::NotStarted(..) = self.ended {
            ui.warn(self.ended.describe());
        }
    }

    fn start(&mut self, tool: Tool<'_>, ui: &Ui) -> io::Result<mpsc::Receiver<ToolEvent>> {
        let addressee = match (tool.bounds, ui.in_is_terminal()) {
            (Some(_), _) => Addressee::Group,
            (None, true) => Addressee::BesideTerminal,
            (None, false) => Addressee::Tool,
        };
        let running = match &self.running {
            Some(running) => running.clone(),
            None => hand_signals_on(addressee, self.interrupted.clone())?,
        };
        self.running = Some(running.clone());
        Plumbing::lay(ui.has_one_stream(), running)?.start(tool)
    }

    fn pass_through(
        &mut self,
        news: &mpsc::Receiver<ToolEvent>,
        bounds: Option<&ToolBounds>,
        ui: &mut Ui,
    ) {
        let mut ended = false;
        let mut until = bounds.map(|bounds| Instant::now() + bounds.time);
        let mut signal = Signal::TERM;
        let mut is_over = false;
        loop {
            let patience = match (ended, until) {
                (true, _) => Some(AFTERGLOW),
                (false, until) => until.map(|end| end.saturating_duration_since(Instant::now())),
            };
            let next = match patience.map(|time| news.recv_timeout(time)) {
                None => news.recv().ok(),
                Some(Err(RecvTimeoutError::Timeout)) if !ended => {
                    is_over = true;
                    self.end_group(signal);
                    signal = Signal::KILL;
                    until = Some(Instant::now() + GRACE);
                    continue;
                }
                Some(next) => next.ok(),
            };
            match next {
                Some(ToolEvent::Out(bytes)) if !ui.json && bounds.is_none() => {
                    ui.print_bytes(&bytes);
                    ui.flush();
                    self.keep(&bytes);
                }
                Some(ToolEvent::Out(bytes) | ToolEvent::Err(bytes)) => {
                    ui.talk_bytes(&bytes);
                    self.keep(&bytes);
                }
                Some(ToolEvent::Ended(status)) => {
                    ended = true;
                    self.ended = match bounds.filter(|_| is_over) {
                        Some(bounds) => ToolExit::TimedOut(bounds.time),
                        None => how(status),
                    };
                }
                // All that could say something is gone, or silent.
                None => return,
            }
        }
    }

    /// Whether what was kept of the output shows a text.
    pub(super) fn has_shown(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.output).contains(text)
    }

    /// Ends the tool and what it started.
    fn end_group(&self, signal: Signal) {
        if let Some(pid) = self.running.as_ref().and_then(pid_of) {
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let room = limit.saturating_sub(self.output.len());
        self.truncated |= bytes.len() > room;
        self.output.extend(bytes.iter().take(room));
    }
}

/// Whether the system had nothing left to give.
fn is_want(fault: &io::Error) -> bool {
    let want = [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM];
    Errno::from_io_error(fault).is_some_and(|errno| want.contains(&errno))
}

fn not_started(fault: &io::Error) -> ToolExit {
    let code = match fault.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_RUNNABLE,
    };
    ToolExit::NotStarted(code, fault.to_string())
}

/// Runs a tool on our own streams.
fn run_bare(tool: Tool<'_>, ui: &mut Ui) -> ToolExit {
    ui.flush();
    let outcome = prepared(tool).and_then(|mut command| {
        if ui.json {
            command.stdout(io::stderr());
        }
        command.status()
    });
    outcome.map_or_else(|fault| not_started(&fault), |status| how(Ok(status)))
}

fn prepared(tool: Tool<'_>) -> io::Result<Command> {
    let split = tool.command.split_first();
    let (program, args) = split.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let mut command = Command::new(program);
    command.args(args);
    if let Some(bounds) = tool.bounds {
        command.current_dir(&bounds.dir).process_group(0);
        command.stdin(Stdio::null());
        let env = bounds.env.iter();
        command.envs(env.map(|(name, value)| (OsStr::new(name), value)));
    }
    if let Some(fields) = tool.fields {
        command.env(FIELDS_VARIABLE, fields);
    }
    Ok(command)
}

enum ToolEvent {
    Out(Vec<u8>),
    Err(Vec<u8>),
    Ended(io::Result<ExitStatus>),
}

/// The tool's process id as long as it has it to itself.
type Running = Arc<Mutex<Option<Pid>>>;

fn pid_of(running: &Running) -> Option<Pid> {
    *running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that a tool needs around it.
struct Plumbing {
    out: PipeWriter,
    err: PipeWriter,
    news: mpsc::Receiver<ToolEvent>,
    child: mpsc::SyncSender<Child>,
    running: Running,
}

impl Plumbing {
    fn lay(one_stream: bool, running: Running) -> io::Result<Self> {
        let (send, news) = mpsc::sync_channel(CHUNKS);
        let (from_out, out) = io::pipe()?;
        read_into(from_out, send.clone(), ToolEvent::Out)?;
        // Two pipes have no order between them; where their reader sees one stream, there is one.
        let err = if one_stream {
            out.try_clone()?
        } else {
            let (from_err, err) = io::pipe()?;
            read_into(from_err, send.clone(), ToolEvent::Err)?;
            err
        };
        let (child, started) = mpsc::sync_channel(1);
        wait_for(started, running.clone(), send)?;
        Ok(Self {
            out,
            err,
            news,
            child,
            running,
        })
    }

    fn start(self, tool: Tool<'_>) -> io::Result<mpsc::Receiver<ToolEvent>> {
        let mut command = prepared(tool)?;
        command.stdout(self.out).stderr(self.err);
        // Held until the tool's id is known: a signal that comes meanwhile waits, and is handed on.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        *running = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        drop(running);
        // The thread that takes it is there, or the receiver below would be of no use either.
        let _ = self.child.send(child);
        Ok(self.news)
    }
}

fn aside(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().stack_size(STACK);
    thread.spawn(work).map(drop)
}

fn read_into(
    mut pipe: PipeReader,
    send: mpsc::SyncSender<ToolEvent>,
    wrap: fn(Vec<u8>) -> ToolEvent,
) -> io::Result<()> {
    aside(move || {
        let mut chunk = vec![0; CHUNK];
        loop {
            let news = match pipe.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => wrap(chunk.get(..length).unwrap_or_default().to_vec()),
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            if send.send(news).is_err() {
                break;
            }
        }
    })
}

/// Whom a signal to us is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Addressee {
    /// The tool.
    Tool,
    /// The tool, but for what our terminal gives to it as well: many tools take a second one for impatience.
    BesideTerminal,
    /// The tool's own group, which no terminal knows.
    Group,
}

fn hand_signals_on(addressee: Addressee, interrupted: Arc<AtomicBool>) -> io::Result<Running> {
    // Before the tool starts: a signal between start and handler would end only one of the two.
    let mut signals = Signals::new(HANDED_ON)?;
    let tool = Running::default();
    let running = tool.clone();
    aside(move || {
        for signal in signals.forever() {
            if ENDING.contains(&signal) {
                interrupted.store(true, Ordering::SeqCst);
            }
            let has_it = addressee == Addressee::BesideTerminal && FROM_TERMINAL.contains(&signal);
            if !has_it {
                let running = running.lock().unwrap_or_else(PoisonError::into_inner);
                if let (Some(pid), Some(signal)) = (*running, Signal::from_named_raw(signal)) {
                    let _ = match addressee {
                        Addressee::Group => rustix::process::kill_process_group(pid, signal),
                        _ => rustix::process::kill_process(pid, signal),
                    };
                }
            }
            if signal == SIGTSTP {
                // The shell that stopped us waits until we are.
                let _ = emulate_default_handler(SIGTSTP);
            }
        }
    })?;
    Ok(tool)
}

fn wait_for(
    started: mpsc::Receiver<Child>,
    running: Running,
    send: mpsc::SyncSender<ToolEvent>,
) -> io::Result<()> {
    aside(move || {
        let Ok(mut child) = started.recv() else {
            return;
        };
        // Seen to be dead but not reaped yet, it keeps its process id to itself: nobody else can
        // get a signal that was meant for it.
        if let Some(pid) = pid_of(&running) {
            let end = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let _ = rustix::process::waitid(WaitId::Pid(pid), end);
        }
        *running.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let _ = send.send(ToolEvent::Ended(child.wait()));
    })
}

fn how(status: io::Result<ExitStatus>) -> ToolExit {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => ToolExit::Code(u8::try_from(code).unwrap_or(u8::MAX)),
            (None, signal) => ToolExit::Signal(signal.unwrap_or_default()),
        },
        Err(fault) => ToolExit::NotStarted(NOT_RUNNABLE, format!("its end is not known: {fault}")),
    }
}
