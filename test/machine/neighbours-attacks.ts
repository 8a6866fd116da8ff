/**
 * What an instance's root does to others at its worst, in Perl, until it is killed. It says `begun` when it
 * is at it.
 */
export const ATTACKS: Readonly<Record<string, string>> = {
  "a lease on its console, taken again and again": `$SIG{IO} = 'IGNORE'; open my $console, '>>', '/dev/console' or die $!; begun();
    while (1) { fcntl $console, 1024, 1; select undef, undef, undef, 0.01 }`,
  "a console that is written without end": `open my $console, '>>', '/dev/console' or die $!; begun(); my $line = 'x' x 65536; syswrite $console, $line while 1`,
  "a hundred busy processes, each a session of its own": `many(100, sub { POSIX::setsid(); 1 while alive() }); sleep 1 while 1`,
  "processes that begin and end": `many(50, sub { while (alive()) { defined(my $child = fork) or next; exit if !$child; waitpid $child, 0 } }); sleep 1 while 1`,
  "as many processes as there can be": `my $all = 0; while (defined(my $child = fork)) { if (!$child) { sleep 1 while alive(); exit } begun() if ++$all == 100; last if $all == 3000 } while (1) { my $more = fork // next; exit if !$more; waitpid $more, 0 }`,
  "memory that is taken and given back": `begun(); while (1) { my $bytes = 'x' x (768 << 20); undef $bytes }`,
  "a large file, written without end": `open my $file, '>', '/var/large' or die $!; begun(); my $bytes = 'x' x (1 << 20); while (1) { seek $file, 0, 0; syswrite $file, $bytes for 1 .. 512 }`,
  "files that come and go": `mkdir '/var/many'; begun(); for (my $n = 0; ; $n++) { open my $file, '>', '/var/many/' . $n % 20000; print $file $n; close $file; unlink '/var/many/' . ($n + 10000) % 20000 }`,
  "sockets full of what nobody reads": `my @kept; for my $one (1 .. 900) { socket my $socket, PF_INET, SOCK_DGRAM, 0 or last; bind $socket, sockaddr_in(0, INADDR_LOOPBACK);
      connect $socket, getsockname $socket; for (1 .. 200) { send $socket, 'x' x 1200, 0x40 or last } push @kept, $socket } begun(); sleep 1 while 1`,
  "links that come and go": `begun(); while (1) { open my $ip, '|-', 'ip -force -batch - 2>/dev/null'; print $ip map { "link add v$_ type veth peer name w$_\\nlink del v$_\\n" } 1 .. 50; close $ip }`,
  "neighbours, as many as it may have": `begun(); while (1) { open my $ip, '|-', 'ip -force -batch - 2>/dev/null'; print $ip map { "neigh replace 10.0.1." . ($_ % 250 + 3) . " lladdr 02:00:00:00:00:01 dev eth0 nud reachable\\n" } 1 .. 1000; close $ip }`,
  "64 connections to the metadata service, full of requests": `requests('169.254.169.254', 64, "GET /latest/meta-data/ HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" x 400)`,
  "connections to the metadata service that come and go": `begun(); while (1) { my $socket = open_to('169.254.169.254', 80) or next; syswrite $socket, "GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"; close $socket }`,
  "32 connections to the resolver, full of queries": `my $query = "\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\10internet\\7example\\0\\0\\1\\0\\1"; requests('169.254.169.253', 32, pack('n/a*', $query) x 400, 53)`,
  "queries to the resolver over UDP": `my $query = "\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\10internet\\7example\\0\\0\\1\\0\\1"; flood('169.254.169.253', 53, $query)`,
  "questions for the time": `flood('169.254.169.123', 123, "\\x23" . "\\0" x 47)`,
  "requests to the internet's web server": `requests('198.51.100.1', 64, "GET /ip HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" x 400)`,
  "the internet's echo over TCP": `requests('198.51.100.1', 64, 'x' x 16384, 7)`,
  "the internet's echo over UDP": `flood('198.51.100.1', 7, 'x' x 1200)`,
  "packets to a port where nobody listens": `flood('198.51.100.1', 9, 'x' x 1200)`,
  "connections to ever other ports": `begun(); for (my $n = 0; ; $n++) { socket my $socket, PF_INET, SOCK_STREAM | 2048, 0; connect $socket, sockaddr_in(1 + $n % 65535, inet_aton('198.51.100.1')) }`,
};

/**
 * More neighbours than all namespaces of a machine may have, again and again: until who does that is ended.
 */
export const MANY_NEIGHBOURS = `begun(); while (1) { open my $ip, '|-', 'ip -force -batch - 2>/dev/null';
  print $ip map { "neigh replace 10.0." . (16 + ($_ >> 8)) . '.' . ($_ & 255) . " lladdr 02:00:00:00:00:01 dev eth0 nud reachable\\n" } 1 .. 1400; close $ip }`;

/** What the attacks have in common. All of it ends with the command's input. */
export const PRELUDE = `use strict; use POSIX (); use Socket; $| = 1; my $begun;
sub begun { print "begun\\n" if !$begun++ }
sub alive { getppid() != 1 }
sub many { my ($count, $body) = @_; for (1 .. $count) { defined(my $child = fork) or last; begun() if $_ == 10; next if $child; $body->(); exit } }
sub open_to { my ($host, $port) = @_; socket my $socket, PF_INET, SOCK_STREAM, 0 or return; connect $socket, sockaddr_in($port, inet_aton $host) or return; $socket }
# So many connections, each always full of what it says and read by nobody for long.
sub requests {
  my ($host, $count, $say, $port) = @_;
  $SIG{PIPE} = 'IGNORE';
  my @open;
  while (1) {
    while (@open < $count) { my $socket = open_to($host, $port // 80) or last; POSIX::fcntl($socket, 4, 2048); push @open, $socket }
    begun();
    my ($in, $out) = ('', '');
    for (@open) { vec($in, fileno $_, 1) = 1; vec($out, fileno $_, 1) = 1 }
    select $in, $out, undef, 1;
    my @still;
    for (@open) {
      my $gone = 0;
      if (vec $in, fileno $_, 1) { my $n = sysread $_, my $bytes, 65536; $gone = 1 if !$n && !$!{EAGAIN} }
      if (!$gone && vec $out, fileno $_, 1) { my $n = syswrite $_, $say; $gone = 1 if !$n && !$!{EAGAIN} }
      if ($gone) { close $_ } else { push @still, $_ }
    }
    @open = @still;
  }
}
sub flood {
  my ($host, $port, $say) = @_;
  socket my $socket, PF_INET, SOCK_DGRAM, 0 or die $!;
  connect $socket, sockaddr_in($port, inet_aton $host) or die $!;
  begun();
  while (1) { send $socket, $say, 0x40 for 1 .. 1000 }
}
if (my $worst = fork) { 1 while <STDIN>; kill 'KILL', $worst; exit }
`;

/**
 * One exchange of each kind at a time, to new ports: for each line of its input a line of milliseconds; -1
 * what failed or took longer than two seconds.
 */
export const PROBE = `use strict; use Socket; use Time::HiRes qw(time); use IO::Select; $| = 1;
my $query = "\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\10internet\\7example\\0\\0\\1\\0\\1";
sub web { my ($host, $path) = @_;
  socket my $socket, PF_INET, SOCK_STREAM, 0 or die $!;
  connect $socket, sockaddr_in(80, inet_aton $host) or die $!;
  syswrite $socket, "GET $path HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n";
  my $all = ''; 1 while sysread $socket, $all, 65536, length $all;
  die $all if $all !~ m{^HTTP/1.1 200 } }
sub datagram { my ($host, $port, $say) = @_;
  socket my $socket, PF_INET, SOCK_DGRAM, 0 or die $!;
  connect $socket, sockaddr_in($port, inet_aton $host) or die $!;
  send $socket, $say, 0;
  sysread $socket, my $answer, 2048 or die 'no answer' }
my @kinds = (sub { web('198.51.100.1', '/ip') }, sub { datagram('198.51.100.1', 7, 'x') }, sub { web('169.254.169.254', '/latest/meta-data/') },
  sub { datagram('169.254.169.253', 53, $query) }, sub { datagram('169.254.169.123', 123, "\\x23" . "\\0" x 47) });
while (<STDIN>) { my @times;
  for my $kind (@kinds) { my $began = time;
    my $good = eval { local $SIG{ALRM} = sub { die 'too late' }; alarm 2; $kind->(); alarm 0; 1 }; alarm 0;
    push @times, $good ? (time - $began) * 1000 : -1 }
  print join(' ', map { sprintf '%.3f', $_ } @times), "\\n" }`;
