import koffi from "koffi";

const libc = koffi.load(null);
const closeRange = libc.func("int close_range(unsigned int first, unsigned int last, unsigned int flags)");
const syscall = libc.func("long syscall(long number, ...)");

const CLOSE_RANGE_CLOEXEC = 4;
const KEYCTL: Partial<Record<NodeJS.Architecture, number>> = { x64: 250, arm64: 219 };
const KEYCTL_JOIN_SESSION_KEYRING = 1;

/**
 * Makes every process started after this call inherit neither of two things that this process was started
 * with: open files that Node does not know of (close_range(2)), and the keys of the user's session, which can
 * be used without owning them (session-keyring(7)). Some kernels and containers have no keyrings.
 */
export function disinherit(): void {
  if (Number(closeRange(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC)) !== 0) {
    throw new Error("open files can't be kept from an instance", {
      cause: new Error(`close_range: errno ${koffi.errno()}`),
    });
  }
  const keyctl = KEYCTL[process.arch];
  if (keyctl !== undefined) syscall(keyctl, "int", KEYCTL_JOIN_SESSION_KEYRING, "void *", null);
}
