"""``python poll_quickly.py ARGUMENTS`` is ``snakemake ARGUMENTS`` that looks at its cluster jobs every second.

The executor waits longer after each look at which nothing had finished, and has no setting for it: right for a cluster,
and most of the time of a test.
"""

import asyncio

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def sleep(self):
    await asyncio.sleep(1)


RemoteExecutor.sleep = sleep
main()
