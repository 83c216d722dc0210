#!/bin/sh
# An MCP server on a Unix socket, for the user who starts it and nobody else.
# The server is one that speaks on its standard input and output, as most do; a
# client starts `socat - UNIX-CONNECT:PATH` in its place.
#
#   mcp.sh "$XDG_RUNTIME_DIR/mcp.sock" [OPTION ...]
path=$1
shift
exec sockcred guard --listen "$path" --same-user --connections 8 "$@" -- node "$(dirname "$0")/mcp-server.mjs"
