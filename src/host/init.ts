import { quoted } from "./shell.ts";

/** How long init lets the instance's processes end when it stops. */
export const GRACE_MILLISECONDS = 1_000;
const LOOK_MILLISECONDS = 50;
const LOOKS = Array.from({ length: GRACE_MILLISECONDS / LOOK_MILLISECONDS }, (_, index) => index + 1);

/**
 * The first process of an instance: a shell, which puts the instance's own files in place, runs the programs
 * of the user data (see user-data.ts), and then reaps orphaned processes. A line on its input tells it that
 * its network is there and it may begin; the input's end means that its starter is gone. Exit status: 0 for
 * shut down, REBOOT_STATUS for boot again.
 */
export const INIT = `# The first process of this instance.
PATH=/run/genkan/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root LANG=C.UTF-8 SHELL=/bin/bash
export PATH HOME LANG SHELL
umask 022
. /run/genkan/settings
stop() {
  trap '' TERM HUP INT
  status=$1
  echo "$INSTANCE_ID: going down"
  kill -TERM -1 2>/dev/null
  for i in ${LOOKS.join(" ")}; do
    set -- /proc/[0-9]*
    [ $# -gt 1 ] || break
    sleep ${LOOK_MILLISECONDS / 1000}
  done
  exit "$status"
}
# Written anew at each boot, like a system's own start-up would, whatever stands there: a named pipe would keep it waiting.
mkdir -p /run/lock /run/cloud-init /var/lib/cloud/instance/sem /var/lib/cloud/instance/scripts 2>/dev/null
rm -f /etc/hostname /etc/hosts /etc/resolv.conf /var/lib/cloud/instance/boot-finished
printf '%s\\n' "$HOST_NAME" > /etc/hostname
printf '%s' "$HOSTS" > /etc/hosts
printf '%s' "$RESOLV_CONF" > /etc/resolv.conf
set -- /tmp/* /tmp/.[!.]*
[ "$*" = '/tmp/* /tmp/.[!.]*' ] || rm -rf -- "$@"
if [ -n "$PUBLIC_KEY" ] && [ ! -e /var/lib/cloud/instance/sem/keys ]; then
  : > /var/lib/cloud/instance/sem/keys
  for home in /root /home/ec2-user; do
    mkdir -p -m 700 "$home/.ssh" && printf '%s\\n' "$PUBLIC_KEY" >> "$home/.ssh/authorized_keys"
  done
  chown -R 1000:1000 /home/ec2-user/.ssh
fi
read -r go || exit 1
exec < /dev/null
trap 'stop 0' TERM INT
trap 'stop 3' HUP
echo "$INSTANCE_ID: up as $HOST_NAME"
echo up >&3
exec 3>&- 4>&-
first=
if [ ! -e /var/lib/cloud/instance/sem/user-data ]; then
  # Before it runs: user data that was cut short does not run again.
  : > /var/lib/cloud/instance/sem/user-data
  first=yes
fi
(
  cd /
  [ -z "$first" ] || while read -r note; do echo "$INSTANCE_ID: user data: $note"; done < /run/genkan/notes
  set -- /run/genkan/programs/*
  for program; do
    [ -e "$program" ] || break
    case $program in *-once-*) [ -n "$first" ] || continue ;; esac
    name=\${program##*/}
    name=\${name#*-*-}
    cp "$program" "/var/lib/cloud/instance/scripts/$name"
    chmod 700 "/var/lib/cloud/instance/scripts/$name"
    "/var/lib/cloud/instance/scripts/$name"
    status=$?
    [ $status = 0 ] || echo "$name" >> /run/cloud-init/failed
    [ $# = 1 ] && of= || of=" ($name)"
    echo "$INSTANCE_ID: user data$of ended with status $status"
  done
  date > /var/lib/cloud/instance/boot-finished
) 2>&1 | tee -a /var/log/cloud-init-output.log &
while :; do
  sleep 2147483647 &
  wait $!
done
`;

/** Init's exit status when the instance asked to be booted again. */
export const REBOOT_STATUS = 3;

/** The command `cloud-init`, for its `status`; the rest of cloud-init's work is done from outside. */
const CLOUD_INIT = `#!/bin/sh
[ "$1" = status ] || { echo "cloud-init: here it knows only: cloud-init status [--wait]" >&2; exit 2; }
finished=/var/lib/cloud/instance/boot-finished
case " $* " in *" --wait "* | *" -w "*) until [ -e $finished ]; do sleep 0.1; done ;; esac
[ -e $finished ] || { echo "status: running"; exit 0; }
[ ! -s /run/cloud-init/failed ] || { echo "status: error"; exit 1; }
echo "status: done"
`;

/**
 * Commands by which a user ends or restarts the instance from inside, in front of the system's own, which
 * would ask systemd.
 */
export const COMMANDS: Readonly<Record<string, string>> = {
  "cloud-init": CLOUD_INIT,
  poweroff: "#!/bin/sh\nkill -TERM 1\n",
  halt: "#!/bin/sh\nkill -TERM 1\n",
  reboot: "#!/bin/sh\nkill -HUP 1\n",
  shutdown: '#!/bin/sh\nfor argument; do [ "$argument" != -r ] || exec kill -HUP 1; done\nkill -TERM 1\n',
};

/** What init reads from a file of shell assignments. */
export type InitSettings = {
  readonly instanceId: string;
  readonly hostname: string;
  readonly address: string;
  readonly dnsServers: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsDomain: string;
  readonly publicKey: string | undefined;
};

export function initSettings(settings: InitSettings): string {
  const { instanceId, hostname, address, dnsDomain, publicKey } = settings;
  const full = hostname.includes(".") ? hostname : `${hostname}.${dnsDomain}`;
  const values = {
    INSTANCE_ID: instanceId,
    HOST_NAME: hostname,
    HOSTS: `127.0.0.1 localhost\n${address} ${full} ${hostname}\n`,
    RESOLV_CONF: resolvConf(settings),
    PUBLIC_KEY: publicKey ?? "",
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${quoted(value)}\n`)
    .join("");
}

function resolvConf({ dnsServers, dnsSearch }: InitSettings): string {
  const search = dnsSearch.length === 0 ? [] : [`search ${dnsSearch.join(" ")}`];
  const lines = [
    ...search,
    ...dnsServers.map((server) => `nameserver ${server}`),
    "options timeout:2 attempts:2",
  ];
  return lines.map((line) => `${line}\n`).join("");
}
