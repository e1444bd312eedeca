// A baseline: Huawei Cloud's SDK for Node, with the arguments of the other programs of ecs-bench.
"use strict";
const fs = require("node:fs");
const { BasicCredentials } = require("@huaweicloud/huaweicloud-sdk-core");
const ecs = require("@huaweicloud/huaweicloud-sdk-ecs/v2/public-api");

const WARM_UP = 20;
const given = {};
for (let at = 2; at < process.argv.length; at += 2) {
  given[process.argv[at].replace(/^-+/, "")] = process.argv[at + 1];
}
const calls = Number(given.n ?? 1);
const ids = Array.from({ length: Number(given.count ?? 1) }, (_, number) =>
  `${number.toString(16).padStart(8, "0")}-46ca-475e-917e-2563e5a8cd19`);
const credentials = new BasicCredentials()
  .withAk("QTWAOYTTINDUT2QVKYUC")
  .withSk("MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")
  .withProjectId("5dd3c0b24cdc4d31952c49589182a89d");
const client = ecs.EcsClient.newBuilder().withCredential(credentials).withEndpoint(given["base-url"]).build();

function call() {
  if (given.action === "bench-reboot") {
    const servers = ids.map((id) => new ecs.ServerId().withId(id));
    const option = new ecs.BatchRebootSeversOption("SOFT", servers);
    option.type = "SOFT";
    option.servers = servers;
    const body = new ecs.BatchRebootServersRequestBody().withReboot(option);
    return client.batchRebootServers(new ecs.BatchRebootServersRequest().withBody(body));
  }
  return client.showJob(new ecs.ShowJobRequest().withJobId(given["job-id"]));
}

async function main() {
  if (given.action !== "job") {
    for (let done = 0; done < WARM_UP; done += 1) await call();
  }
  const before = process.cpuUsage();
  const began = process.hrtime.bigint();
  for (let done = 0; done < calls; done += 1) await call();
  const used = process.cpuUsage(before);
  const wall = Number(process.hrtime.bigint() - began) / 1000;
  const peak = /VmHWM:\s*(\d+)/.exec(fs.readFileSync("/proc/self/status", "ascii"))[1];
  console.log(JSON.stringify({
    ok: true, n: calls, wall_us: wall / calls, user_us: used.user / calls, sys_us: used.system / calls,
    peak_kb: Number(peak),
  }));
}

main().catch((error) => {
  console.log(JSON.stringify({ ok: false, error: String(error) }));
  process.exitCode = 1;
});
