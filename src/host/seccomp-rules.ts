/** A system call by its number on each architecture that has it (linux/unistd.h). */
type Call = { readonly x64?: number; readonly arm64?: number };

/**
 * What a call's argument (0 to 5) must be. Only the low 32 bits are compared, as the kernel itself does for
 * all of these arguments.
 */
export type ArgumentTest = { readonly argument: number } & (
  | { readonly oneOf: readonly number[] }
  | { readonly noneOf: readonly number[] }
  | { readonly anyBit: number }
);

/** A call that fails with this error when all tests of its arguments hold. */
export type Rule = { readonly call: Call; readonly error: number; readonly when?: readonly ArgumentTest[] };

/** Errors (errno(3)). */
const EPERM = 1;
export const ENOSYS = 38;
const ENOPROTOOPT = 92;
const EPROTONOSUPPORT = 93;
const EAFNOSUPPORT = 97;

const both = (number: number): Call => ({ x64: number, arm64: number });

/**
 * Calls that no program of an instance needs, and that reach the machine past its namespaces or take kernel
 * memory that is not counted: the calls that container runtimes forbid by default, except those that an
 * instance's capabilities are for.
 */
const FORBIDDEN: Readonly<Record<string, Call>> = {
  acct: { x64: 163, arm64: 89 },
  add_key: { x64: 248, arm64: 217 },
  afs_syscall: { x64: 183 },
  bpf: { x64: 321, arm64: 280 },
  clock_settime: { x64: 227, arm64: 112 },
  create_module: { x64: 174 },
  delete_module: { x64: 176, arm64: 106 },
  fanotify_init: { x64: 300, arm64: 262 },
  finit_module: { x64: 313, arm64: 273 },
  fsconfig: both(431),
  fsmount: both(432),
  fsopen: both(430),
  fspick: both(433),
  get_kernel_syms: { x64: 177 },
  init_module: { x64: 175, arm64: 105 },
  ioperm: { x64: 173 },
  iopl: { x64: 172 },
  kcmp: { x64: 312, arm64: 272 },
  kexec_file_load: { x64: 320, arm64: 294 },
  kexec_load: { x64: 246, arm64: 104 },
  keyctl: { x64: 250, arm64: 219 },
  lookup_dcookie: { x64: 212, arm64: 18 },
  mbind: { x64: 237, arm64: 235 },
  migrate_pages: { x64: 256, arm64: 238 },
  mount: { x64: 165, arm64: 40 },
  mount_setattr: both(442),
  move_mount: both(429),
  move_pages: { x64: 279, arm64: 239 },
  nfsservctl: { x64: 180, arm64: 42 },
  open_by_handle_at: { x64: 304, arm64: 265 },
  open_tree: both(428),
  open_tree_attr: both(467),
  perf_event_open: { x64: 298, arm64: 241 },
  pidfd_getfd: both(438),
  pivot_root: { x64: 155, arm64: 41 },
  query_module: { x64: 178 },
  quotactl: { x64: 179, arm64: 60 },
  quotactl_fd: both(443),
  request_key: { x64: 249, arm64: 218 },
  set_mempolicy: { x64: 238, arm64: 237 },
  set_mempolicy_home_node: both(450),
  setns: { x64: 308, arm64: 268 },
  settimeofday: { x64: 164, arm64: 170 },
  swapoff: { x64: 168, arm64: 225 },
  swapon: { x64: 167, arm64: 224 },
  sysctl: { x64: 156 },
  sysfs: { x64: 139 },
  syslog: { x64: 103, arm64: 116 },
  umount2: { x64: 166, arm64: 39 },
  uselib: { x64: 134 },
  userfaultfd: { x64: 323, arm64: 282 },
  ustat: { x64: 136 },
  vhangup: { x64: 153, arm64: 58 },
};

/** Calls that seem unknown to the kernel: programs and libraries then do without them. */
const ABSENT: Readonly<Record<string, Call>> = {
  // A filter can't read its arguments, which lie in memory.
  clone3: both(435),
  io_uring_enter: both(426),
  io_uring_register: both(427),
  io_uring_setup: both(425),
};

/** The first number above the calls known here; calls from it on fail as unknown. */
export const FIRST_UNKNOWN = 470;

/** CLONE_NEWTIME to CLONE_NEWNET (linux/sched.h), but none in clone(2)'s lowest byte, a signal. */
const NEW_NAMESPACES = 0x7e02_0000;
const NETLINK = 16;
/**
 * AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET: the families that network namespaces confine. AF_VSOCK,
 * for one, reaches the hypervisor.
 */
const FAMILIES = [1, 2, 10, NETLINK, 17];
/** Routes, sockets, IPsec, audit, netfilter, devices' events, generic (linux/netlink.h). */
const NETLINK_PROTOCOLS = [0, 4, 6, 9, 12, 15, 16];
const SOL_PACKET = 263;
/**
 * PACKET_RX_RING and PACKET_TX_RING: kernel memory that no control group counts. Programs can also read
 * packets without rings.
 */
const PACKET_RINGS = [5, 13];
/** TIOCSTI and TIOCLINUX type into a terminal. */
const TYPING = [0x5412, 0x541c];
/** PER_LINUX with and without ADDR_NO_RANDOMIZE, PER_LINUX32, UNAME26, and the query for the present one. */
const PERSONALITIES = [0, 0x8, 0x2_0000, 0x2_0008, 0x4_0000, 0xffff_ffff];

export const RULES: readonly Rule[] = [
  ...Object.values(FORBIDDEN).map((call) => ({ call, error: EPERM })),
  ...Object.values(ABSENT).map((call) => ({ call, error: ENOSYS })),
  { call: { x64: 56, arm64: 220 }, error: EPERM, when: [{ argument: 0, anyBit: NEW_NAMESPACES }] }, // clone
  { call: { x64: 272, arm64: 97 }, error: EPERM, when: [{ argument: 0, anyBit: NEW_NAMESPACES | 0x80 }] }, // unshare, CLONE_NEWTIME
  { call: { x64: 41, arm64: 198 }, error: EAFNOSUPPORT, when: [{ argument: 0, noneOf: FAMILIES }] }, // socket
  {
    call: { x64: 41, arm64: 198 },
    error: EPROTONOSUPPORT,
    when: [
      { argument: 0, oneOf: [NETLINK] },
      { argument: 2, noneOf: NETLINK_PROTOCOLS },
    ],
  },
  { call: { x64: 53, arm64: 199 }, error: EAFNOSUPPORT, when: [{ argument: 0, noneOf: FAMILIES }] }, // socketpair
  {
    call: { x64: 54, arm64: 208 }, // setsockopt
    error: ENOPROTOOPT,
    when: [
      { argument: 1, oneOf: [SOL_PACKET] },
      { argument: 2, oneOf: PACKET_RINGS },
    ],
  },
  { call: { x64: 16, arm64: 29 }, error: EPERM, when: [{ argument: 1, oneOf: TYPING }] }, // ioctl
  { call: { x64: 135, arm64: 92 }, error: EPERM, when: [{ argument: 0, noneOf: PERSONALITIES }] }, // personality
];
