/** What `sockcred guard --help` says. */

export const GUARD_HELP = `Usage: sockcred guard --listen PATH WHO [OPTION ...] --to UPSTREAM
       sockcred guard --listen PATH WHO [OPTION ...] --pass-to PATH
       sockcred guard --listen PATH WHO [OPTION ...] -- PROGRAM [ARGUMENT ...]

Stands in front of a server, asks the kernel who connects, and lets in only
those who may come in, before a byte of theirs is read.

WHO: nobody is let in unless something here says so
  --policy FILE         rules in TOML, read again on SIGHUP or change; see
                        sockcred policy --help
  --same-user           the user that the guard runs as
  --allow-user USER     this user, a name or an id; may be repeated
  --allow-group GROUP   members of this group, as their process has it
  --everyone            everybody who can connect
  --deny-user USER, --deny-group GROUP
                        not these, whatever else is said
  --same-namespaces     of those who are allowed only who is in the guard's own
                        user, pid and mount namespaces: root of a container
                        without a user namespace is root here as well

Where
  --listen PATH         @NAME is an abstract name; not with socket activation
                        (LISTEN_FDS), where the service manager has opened it
  --mode MODE           permissions of the socket file, octal (default: 0600;
                        0666 lets everybody ask to be let in)
  --socket-group GROUP  group of the socket file, a name or an id: with
                        --mode 0660 its members may ask, and others may not

What is in front of it
  --to unix:PATH, --to tcp:HOST:PORT
                        bytes are relayed both ways
  --pass-fds            file descriptors that are sent along as well
  --proxy-protocol v2   tells the server behind who it is before the first byte
  --http                relays HTTP, and tells it in headers; who is not let in
                        gets 403. --strip-header NAME takes one more header out
                        of requests; --keep-header NAME lets one through of
                        those that name the client (X-Forwarded-For); --simple-headers adds Sockcred-Uid and the
                        like; --explain-denied says in a 403 which rule decided
  --allow-upgrade PROTOCOL
                        that HTTP connections may go on in (default: websocket;
                        none); may be repeated
  --response-timeout SECONDS
                        from the end of a request to the head of its answer;
                        then the client gets 504 (default: 60)
  --pass-to PATH        the connection itself is passed to the program that
                        listens at this SOCK_SEQPACKET socket
  -- PROGRAM ...        a program for each connection, which is its standard
                        input and output (UCSPI); 40 of them at the same time
                        unless --connections says how many

As whom: a server behind a Unix socket sees the guard in place of its clients
  --run-as USER[:GROUP] gives up root for good once the sockets are there
  --as-peer             each connection is made under the client's own user and
                        groups, so that the server sees those. Linux, root
  --upstream-sees-guard a guard that is root connects as root all the same
  --programs-as-root    a guard that is root runs -- PROGRAM as root all the same
  --upstream-user USER  nothing is sent before the kernel has said that this user
                        listens behind: it may not be who took the path first

Limits: also in the policy file, where they change with the rules
  --connections N       at the same time
  --connections-per-uid N
  --accept-rate N/SECONDS
                        connections of one user in this time
  --first-byte SECONDS  who says nothing for so long is cut off
  --idle SECONDS        connections on which nothing comes, either way, are ended;
                        with --to only, and not in the file

Running
  --audit FILE          one line of JSON for each decision, appended, opened
                        again on SIGHUP (default: -, standard output; none)
  --audit-repeats N     lines of one user in a second that say the same of who
                        is not let in; the others are one line with their number
                        (default: 10)
  --audit-required      nobody is let in while the audit log cannot be written
  --metrics PATH        a Unix socket for Prometheus; --metrics-mode MODE
                        (default: 0600)
  --grace SECONDS       for open connections at the end (default: 10)
  --help, --version

SIGHUP reads the policy again, with its limits, and opens the audit log anew.
SIGTERM and SIGINT stop accepting and wait for what is open; a second one does
not wait.
Exit status: 0 ended by a signal, 1 the policy has faults, 2 usage, 3 the
system refused, or the guard itself has a fault.
`;
