/** A program that waits for the end of a process: `hold` keeps it running until then, without it it leaves. */

import { runningProcess } from 'sockcred/process';

const [pid, hold] = process.argv.slice(2);
const held = runningProcess(Number(pid));
held.ref();
if (hold !== 'hold') held.unref();
held.exited.then(told => console.log(told.known ? told.value.code : told.reason));
console.log('waiting');
