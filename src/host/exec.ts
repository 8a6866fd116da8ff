import { INTERNET_IPV4, type Installation } from "./installation.ts";
import { CAPABILITIES, OOM_SCORE_ADJUSTMENT } from "./sandbox.ts";
import { type Architecture, isArchitecture, seccompFilter } from "./seccomp.ts";

type ExecOptions = {
  /** The instance's first process. */
  readonly pid: number;
  readonly command: readonly string[];
  /**
   * The type of the command's terminal; without one, the command has no terminal. It is a terminal of the
   * instance (pts(4)), whose input and output are copied from and to the caller's. So what the instance does
   * to it stays in the instance, and ends with the command.
   */
  readonly terminal?: string | undefined;
};

/**
 * The command line that runs a command in an instance, as its root; its exit status is the command's (127: no
 * such command, 128 and more: a signal). From the machine, the command gets only the three standard files: no
 * environment, no other open file, no session keyring, and no controlling terminal, into which a program
 * could type (TIOCSTI).
 */
export function execInInstance({ pid, command, terminal }: ExecOptions): readonly string[] {
  if (!isArchitecture(process.arch))
    throw new Error(`no command can be run in an instance on ${process.arch}`);
  const numbers = SYSTEM_CALLS[process.arch];
  const settings = [
    pid,
    numbers.setns,
    numbers.prctl,
    numbers.keyctl,
    terminal === undefined ? 0 : 1,
    Object.values(CAPABILITIES).join(","),
    OOM_SCORE_ADJUSTMENT,
    seccompFilter(process.arch).toString("hex"),
  ];
  return [
    [
      "env",
      "-i",
      `PATH=${PATH}`,
      "HOME=/root",
      "USER=root",
      "LOGNAME=root",
      "SHELL=/bin/bash",
      "LANG=C.UTF-8",
    ],
    [`TERM=${terminal ?? "dumb"}`, "/usr/bin/perl", "-e", ENTER, ...settings.map(String)],
    [
      "sh",
      "-c",
      'ulimit -p 1024 2>/dev/null || ulimit -u 1024; ulimit -c 0; cd 2>/dev/null; exec "$@"',
      "sh",
      ...command,
    ],
  ].flat();
}

const PATH = "/run/genkan/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Numbers of the system calls for which Perl has no function (syscalls(2)). */
const SYSTEM_CALLS: Readonly<Record<Architecture, Readonly<Record<"setns" | "prctl" | "keyctl", number>>>> = {
  x64: { setns: 308, prctl: 157, keyctl: 250 },
  arm64: { setns: 268, prctl: 167, keyctl: 219 },
};

/**
 * Makes the instance's terminal (ioctl_tty(2)), goes into the instance's namespaces and control groups, and
 * drops all capabilities but the instance's own before any file of the instance is run. The instance's root
 * may have written an /etc/ld.so.preload, whose library the next program after nsenter would load with all
 * capabilities in the instance's user namespace. Numbers: prctl(2), keyctl(2).
 */
const ENTER = `use strict;
use POSIX ();
my ($filter, $oom, @given) = reverse splice @ARGV, 0, 8;
my ($pid, $setns, $prctl, $keyctl, $has_terminal, $capabilities) = map { /^\\d+$/ ? $_ + 0 : $_ } reverse @given;
my ($master, $slave, $before, $ended, $ends);
sub resize { my $size = pack 'S4'; ioctl STDIN, 0x5413, $size and ioctl $master, 0x5414, $size }
sub raw {
  my $mode = POSIX::Termios->new;
  $mode->getattr(0);
  $mode->setiflag(0);
  $mode->setoflag($mode->getoflag & ~POSIX::OPOST());
  $mode->setlflag(0);
  $mode->setcc(POSIX::VMIN(), 1);
  $mode->setcc(POSIX::VTIME(), 0);
  $mode->setattr(0, POSIX::TCSANOW());
}
sub give { my ($bytes) = @_; while (length $bytes) { my $n = syswrite STDOUT, $bytes; return if !defined $n && !$!{EINTR}; substr $bytes, 0, $n // 0, '' } }
# Until the command has ended, and all that it said is told; who has its terminal still has it no longer then.
sub relay {
  my ($typing, $over, $typed) = (1, 0, '');
  for (;;) {
    my ($in, $out) = ('', '');
    vec($in, fileno $_, 1) = 1 for $master, $ended, $typing && $typed eq '' ? *STDIN : ();
    vec($out, fileno $master, 1) = 1 if $typed ne '';
    my $count = select $in, $out, undef, $over ? 0 : undef;
    next if $count < 0 && $!{EINTR};
    return if $count <= 0;
    if (vec $in, fileno $ended, 1) { sysread $ended, my $none, 64; $over = 1 }
    if (vec $in, fileno $master, 1) {
      my $got = sysread $master, my $bytes, 65536;
      if ($got) { give($bytes) } elsif (!$!{EAGAIN} && !$!{EINTR}) { return }
    } elsif ($over) { return }
    if (vec $out, fileno $master, 1) { my $n = syswrite $master, $typed; substr $typed, 0, $n // 0, '' }
    if (vec $in, 0, 1) { $typing = 0 if !sysread STDIN, $typed, 4096 }
  }
}
sub must { my ($what, $result) = @_; die "$what: $!\\n" if $result < 0; $result }
opendir my $open, '/proc/self/fd' or die "/proc/self/fd: $!\\n";
POSIX::close($_) for grep { /^\\d+$/ && $_ > 2 && $_ != fileno $open } readdir $open;
closedir $open;
my @spaces = map { open my $file, '<', "/proc/$pid/ns/$_" or die "the instance is not up\\n"; $file } qw(user mnt uts ipc net pid cgroup);
for my $line (do { open my $file, '<', "/proc/$pid/cgroup" or die "the instance is not up\\n"; <$file> }) {
  my ($controllers, $group) = $line =~ m{^\\d+:([^:]*):(/(?:.*/)?genkan-[0-9a-f]{6}/i-[0-9a-f]+)$} or next;
  open my $file, '>', join '/', '/sys/fs/cgroup', $controllers || (), "$group/cgroup.procs" or die "the instance's control group: $!\\n";
  syswrite $file, $$ or die "the instance's control group: $!\\n";
}
open my $score, '>', '/proc/self/oom_score_adj' or die "oom_score_adj: $!\\n";
syswrite $score, $oom or die "oom_score_adj: $!\\n";
close $score;
$filter = pack 'H*', $filter;
if ($has_terminal) {
  my ($user) = do { open my $file, '<', "/proc/$pid/status" or die "the instance is not up\\n"; join '', <$file> } =~ /^Uid:\\s+(\\d+)/m;
  sysopen $master, "/proc/$pid/root/dev/pts/ptmx", 0x902 or die "a terminal: $!\\n";
  die "a terminal: the instance has none\\n" unless -c $master && (stat _)[6] == 0x502;
  my $locked = pack 'i', 0;
  ioctl $master, 0x40045431, $locked or die "a terminal: $!\\n";
  my $peer = ioctl $master, 0x5441, 0x102 or die "a terminal: $!\\n";
  open $slave, '+<&=', $peer + 0 or die "a terminal: $!\\n";
  chown $user, $user + 5, $slave;
  $before = POSIX::Termios->new;
  $before = undef if !defined $before->getattr(0);
  resize();
}
pipe $ended, $ends or die "pipe: $!\\n";
$SIG{CHLD} = sub { syswrite $ends, '.' };
must('setns', syscall $setns, fileno $_, 0) for @spaces;
syscall $keyctl, 1, 0;
defined(my $child = fork) or die "fork: $!\\n";
if (!$child) {
  must('setsid', POSIX::setsid() // -1);
  if ($has_terminal) {
    ioctl $slave, 0x540e, 0 or die "a controlling terminal: $!\\n";
    POSIX::dup2(fileno $slave, $_) // die "a terminal: $!\\n" for 0 .. 2;
    POSIX::close(fileno $slave);
  }
  ($(, $)) = (0, '0 0');
  ($<, $>) = (0, 0);
  my %kept = map { $_ => 1 } split /,/, $capabilities;
  for my $capability (0 .. 63) {
    next if $kept{$capability};
    syscall $prctl, 24, $capability, 0, 0, 0;
    die "capability $capability stays\\n" if syscall($prctl, 23, $capability, 0, 0, 0) == 1;
  }
  must('no_new_privs', syscall $prctl, 38, 1, 0, 0, 0);
  must('parent death signal', syscall $prctl, 1, 9, 0, 0, 0);
  must('seccomp', syscall $prctl, 22, 2, pack('S x6 P', length($filter) / 8, $filter), 0, 0);
  exec { $ARGV[0] } @ARGV;
  exit 127;
}
for my $signal (qw(INT TERM HUP QUIT)) { $SIG{$signal} = sub { kill $signal, -$child } }
if ($has_terminal) {
  close $slave;
  $SIG{WINCH} = \\&resize;
  raw() if $before;
  relay();
  $before->setattr(0, POSIX::TCSANOW()) if $before;
}
1 while waitpid($child, 0) < 0 && $!{EINTR};
exit($? & 127 ? 128 + ($? & 127) : $? >> 8);`;

/**
 * The command line that runs a command as a host of the simulated internet: with the machine's files, the
 * internet's network and names.
 */
export function execInInternet(installation: Installation, command: readonly string[]): readonly string[] {
  const script =
    'printf "nameserver %s\\n" "$1" > "$2" && mount --no-mtab --bind "$2" /etc/resolv.conf; shift 2; exec "$@"';
  return [
    ["nsenter", `--net=${installation.namespaces.internet}`, "--"],
    ["unshare", "--mount", "--propagation", "private", "--"],
    ["sh", "-c", script, "sh", INTERNET_IPV4, `${installation.run}/resolv.conf`, ...command],
  ].flat();
}
