/**
 * The first process of an instance: a shell, which puts the instance's own files in place, runs the user data once in
 * the instance's life, and then reaps what is left to it. It is told to go (a line on its input) when its network is
 * there; the input's end means that who started it is gone. Exit status: 0 shut down, REBOOT_STATUS to boot again.
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
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    set -- /proc/[0-9]*
    [ $# -gt 1 ] || break
    sleep 0.05
  done
  exit "$status"
}
# Written anew at each boot, like a system's own start-up would.
mkdir -p /run/lock /var/lib/cloud/instance/sem 2>/dev/null
printf '%s\\n' "$HOST_NAME" > /etc/hostname
printf '%s' "$HOSTS" > /etc/hosts
rm -f /etc/resolv.conf
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
if [ -n "$USER_DATA" ] && [ ! -e /var/lib/cloud/instance/sem/user-data ]; then
  # Before it runs: user data that was cut short does not run again.
  : > /var/lib/cloud/instance/sem/user-data
  if [ "$USER_DATA" = script ]; then
    mkdir -p /var/lib/cloud/instance/scripts
    cp /run/genkan/user-data /var/lib/cloud/instance/scripts/part-001
    chmod 700 /var/lib/cloud/instance/scripts/part-001
    (
      cd /
      /var/lib/cloud/instance/scripts/part-001
      echo "$INSTANCE_ID: user data ended with status $?"
    ) &
  else
    echo "$INSTANCE_ID: $USER_DATA"
  fi
fi
while :; do
  sleep 2147483647 &
  wait $!
done
`;

/** Init's exit status when the instance asked to be booted again. */
export const REBOOT_STATUS = 3;

/** Commands by which a user ends or restarts the instance from inside, in front of the system's own, which would ask systemd. */
export const COMMANDS: Readonly<Record<string, string>> = {
  poweroff: "#!/bin/sh\nkill -TERM 1\n",
  halt: "#!/bin/sh\nkill -TERM 1\n",
  reboot: "#!/bin/sh\nkill -HUP 1\n",
  shutdown: '#!/bin/sh\nfor argument; do [ "$argument" != -r ] || exec kill -HUP 1; done\nkill -TERM 1\n',
};

/** What init is told by a file of shell assignments. */
export type InitSettings = {
  readonly instanceId: string;
  readonly hostname: string;
  readonly address: string;
  readonly dnsServers: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsDomain: string;
  readonly publicKey: string | undefined;
  readonly userData: Uint8Array | undefined;
};

export function initSettings(settings: InitSettings): string {
  const { instanceId, hostname, address, dnsDomain, publicKey, userData } = settings;
  const values = {
    INSTANCE_ID: instanceId,
    HOST_NAME: hostname,
    HOSTS: `127.0.0.1 localhost\n${address} ${hostname}.${dnsDomain} ${hostname}\n`,
    RESOLV_CONF: resolvConf(settings),
    PUBLIC_KEY: publicKey ?? "",
    USER_DATA: userData === undefined || userData.length === 0 ? "" : userDataKind(userData),
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join("");
}

function resolvConf({ dnsServers, dnsSearch }: InitSettings): string {
  const search = dnsSearch.length === 0 ? [] : [`search ${dnsSearch.join(" ")}`];
  const lines = [...search, ...dnsServers.map((server) => `nameserver ${server}`), "options timeout:2 attempts:2"];
  return lines.map((line) => `${line}\n`).join("");
}

/** `script` for what is run; else the line that the console shows. Kinds as cloud-init tells them apart ("User data formats"). */
function userDataKind(userData: Uint8Array): string {
  const start = Buffer.from(userData.subarray(0, 64)).toString("latin1");
  if (start.startsWith("#!")) return "script";
  if (start.startsWith("#cloud-config")) return "user data is cloud-config, which is not run here: only scripts (#!) are";
  if (start.startsWith("#include") || start.startsWith("Content-Type:") || start.startsWith("MIME-Version:"))
    return "user data is multi-part or an include list, which is not run here: only scripts (#!) are";
  return "user data is not a script (it does not begin with #!): not run";
}
