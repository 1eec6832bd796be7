"""What the browsers of the tests speak to: the real program, as a process."""

import asyncio
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from services.settings import Settings

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60


@dataclass
class Program:
    """`asepsis run` on a port of its own. It can be killed and started again under the same address."""

    settings: Settings
    log: Path
    port: int = 0
    process: asyncio.subprocess.Process | None = None
    root: Path = ROOT
    """Where its code stands: another folder is another deploy."""

    @property
    def is_up(self) -> bool:
        return self.process is not None and self.process.returncode is None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        known = {name: value for name, value in os.environ.items() if not name.startswith("ASEPSIS_")}
        mine = {
            "ASEPSIS_DATABASE_URL": self.settings.database_url,
            "ASEPSIS_REDIS_URL": self.settings.redis_url,
            "ASEPSIS_SECRET": self.settings.secret.decode(),
            "ASEPSIS_DATA": str(self.log.parent),
            "ASEPSIS_PORT": str(self.port),
        }
        with self.log.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services", "run", cwd=self.root, env=known | mine, stdout=asyncio.subprocess.PIPE, stderr=errors
            )
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), READY_SECONDS)
        ready = re.search(rb"ready at http://127\.0\.0\.1:(\d+)", line)
        assert ready, (line, self.log.read_text())
        self.port = int(ready[1])

    async def end(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Seconds until it was gone."""
        process, self.process = self.process, None
        if process is None or process.returncode is not None:
            return 0.0
        began = asyncio.get_running_loop().time()
        process.send_signal(how)
        await asyncio.wait_for(process.wait(), 15)
        return asyncio.get_running_loop().time() - began
