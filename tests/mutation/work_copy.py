# SPDX-License-Identifier: Apache-2.0
"""A copy of the sources with a build of its own, below build/mutation: the work tree is never changed."""
import glob
import hashlib
import os
import resource
import signal
import subprocess

MEMORY = 4 << 30      # of a test program: a mutant may collect without end
BUILD_SECONDS = 1800  # for everything, the first time


class WorkCopy:
    def __init__(self, top):
        self.top = top
        self.source = os.path.join(top, "build", "mutation", "source")
        self.build = os.path.join(self.source, "build", "dev")  # where a work tree has it: ccache knows the objects
        self.scratch = os.path.join(top, "build", "mutation", "tmp")
        # The C library overwrites what is freed, which it does not do where it caches: a use of it is noticed.
        self.environment = {**os.environ, "TMPDIR": self.scratch,
                            "GLIBC_TUNABLES": "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"}

    def prepare(self):
        """Copies what differs and configures. What an interrupted run left changed is put right."""
        os.makedirs(self.scratch, exist_ok=True)
        names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=self.top,
                               check=True, capture_output=True, text=True).stdout.split("\0")
        names = [name for name in names if name and os.path.isfile(os.path.join(self.top, name))]
        for name in names:
            self.write(name, self.original(name))
        for folder, folders, files in os.walk(self.source):
            folders[:] = [name for name in folders if os.path.join(folder, name) != os.path.dirname(self.build)]
            for name in files:
                path = os.path.join(folder, name)
                if os.path.relpath(path, self.source) not in names:
                    os.remove(path)
        self.call(["cmake", "--preset", "dev", "-DCMAKE_CXX_FLAGS_DEBUG=-O0", "-DPOSTERN_WERROR=OFF"], BUILD_SECONDS, check=True)

    def original(self, name):
        with open(os.path.join(self.top, name), "rb") as file:
            return file.read()

    def write(self, name, content):
        path = os.path.join(self.source, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if file.read() == content:
                    return
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, os.stat(os.path.join(self.top, name)).st_mode)

    def make(self, target, check=False):
        return self.call(["ninja", "-C", self.build, "-j1", target], BUILD_SECONDS, check) == 0

    def object_of(self, source):
        pattern = os.path.join("CMakeFiles", "*.dir", source + ".o")
        found = glob.glob(pattern, root_dir=self.build)
        if len(found) != 1:
            raise RuntimeError(f"{source}: {len(found)} objects {pattern} in {self.build}")
        return found[0]

    def digest(self, name):
        with open(os.path.join(self.build, name), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def test(self, run, seconds):
        """Whether the cases pass in this time."""
        program = os.path.join(self.build, "tests", run.target)
        return self.call([program, "--abort", *([run.wanted] if run.wanted else [])], seconds, memory=MEMORY, output=run.target) == 0

    def call(self, command, seconds, check=False, memory=None, output="output"):
        """Its exit code; -1 if it was ended for its time."""
        def limit():
            if memory:
                resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        with open(os.path.join(self.scratch, output), "wb") as file:
            process = subprocess.Popen(["nice", "-n", "10", *command], cwd=self.source, env=self.environment, stdout=file,
                                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=limit)
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = -1
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)  # the rest of its group, too
                except ProcessLookupError:
                    pass
                process.wait()
        if check and code != 0:
            with open(file.name, encoding="utf-8", errors="replace") as file:
                raise RuntimeError(f"{' '.join(command)} ended with {code}:\n{file.read()[-4000:]}")
        return code
