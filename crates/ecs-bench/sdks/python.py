"""A baseline: Huawei Cloud's SDK for Python, with the arguments of the other programs of ecs-bench."""

import argparse
import json
import resource
import time

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkecs.v2 import (
    BatchRebootServersRequest,
    BatchRebootServersRequestBody,
    BatchRebootSeversOption,
    EcsClient,
    ServerId,
    ShowJobRequest,
)

WARM_UP = 20


def peak_kb():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--action", required=True)
    parser.add_argument("--job-id", default="")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("-n", type=int, default=1)
    given = parser.parse_args()
    credentials = BasicCredentials(
        "QTWAOYTTINDUT2QVKYUC",
        "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc",
        "5dd3c0b24cdc4d31952c49589182a89d",
    )
    client = EcsClient.new_builder().with_credentials(credentials).with_endpoint(given.base_url).build()
    ids = [f"{number:08x}-46ca-475e-917e-2563e5a8cd19" for number in range(given.count)]

    def call():
        if given.action == "bench-reboot":
            option = BatchRebootSeversOption(type="SOFT", servers=[ServerId(id=one) for one in ids])
            body = BatchRebootServersRequestBody(reboot=option)
            return client.batch_reboot_servers(BatchRebootServersRequest(body=body))
        return client.show_job(ShowJobRequest(job_id=given.job_id))

    if given.action != "job":
        for _ in range(WARM_UP):
            call()
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    for _ in range(given.n):
        call()
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    print(
        json.dumps(
            {
                "ok": True,
                "n": given.n,
                "wall_us": (ended - began) / given.n * 1e6,
                "user_us": (after.ru_utime - before.ru_utime) / given.n * 1e6,
                "sys_us": (after.ru_stime - before.ru_stime) / given.n * 1e6,
                "peak_kb": peak_kb(),
            }
        )
    )


main()
