"""Accounts of reviewers: names, roles, passwords and tokens for programs, in a small SQLite file."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Literal, get_args

from preceptor.core.clock import Clock
from preceptor.core.errors import InputError
from preceptor.review.small_file import SmallFile

Role = Literal["viewer", "reviewer", "publisher", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_LEAST_PASSWORD = 10
_AT_ONCE = 2
"""Passwords checked at once: each takes 64 MB and a processor for a moment."""
_SCHEMA = """
create table if not exists accounts (
    name text primary key, role text not null, password text not null, token text not null, made text not null
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person, or a program that acts for one."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether this account may do what ``role`` may."""
        return ROLES.index(self.role) >= ROLES.index(role)


class People:
    """The accounts in one file; ``:memory:`` for none that stay. Safe to share between threads."""

    def __init__(self, path: Path | str, *, clock: Clock) -> None:
        self._clock = clock
        self._checking = BoundedSemaphore(_AT_ONCE)
        self._file = SmallFile(path, _SCHEMA, "accounts")
        if path != ":memory:":
            Path(path).chmod(0o600)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def add(self, name: str, role: str, password: str) -> Account:
        """A new account. InputError where name, role or password won't do, or the name is taken."""
        if not _NAME.fullmatch(name):
            raise InputError(f"'{name[:64]}' cannot be an account", hint="a to z, 0 to 9 and . _ @ -, 64 at most")
        if name.startswith("run:") or self.get(name) is not None:
            raise InputError(f"the account '{name}' is taken", hint="choose another name")
        row = (name, _role(role), _hashed(password), "", self._clock().isoformat())
        with self._file.used() as db:
            db.execute("insert into accounts values (?, ?, ?, ?, ?)", row)
        return Account(name=name, role=_role(role))

    def change(self, name: str, *, role: str | None = None, password: str | None = None) -> None:
        """Another role or password. InputError as in :meth:`add`."""
        self._known(name)
        with self._file.used() as db:
            if role is not None:
                db.execute("update accounts set role = ? where name = ?", (_role(role), name))
            if password is not None:
                db.execute("update accounts set password = ? where name = ?", (_hashed(password), name))

    def remove(self, name: str) -> None:
        """Takes an account away; what it decided stays in the log."""
        self._known(name)
        with self._file.used() as db:
            db.execute("delete from accounts where name = ?", (name,))

    def token(self, name: str) -> str:
        """A new token for programs, which replaces the old one. It is not stored, only its hash."""
        self._known(name)
        token = f"preceptor_{secrets.token_urlsafe(32)}"
        with self._file.used() as db:
            db.execute("update accounts set token = ? where name = ?", (_digest(token), name))
        return token

    def get(self, name: str) -> Account | None:
        """The account, if there is one."""
        with self._file.used() as db:
            row = db.execute("select name, role from accounts where name = ?", (name,)).fetchone()
        return Account(name=row[0], role=_role(row[1])) if row else None

    def list(self) -> tuple[Account, ...]:
        """All accounts, by name."""
        with self._file.used() as db:
            rows = db.execute("select name, role from accounts order by name").fetchall()
        return tuple(Account(name=name, role=_role(role)) for name, role in rows)

    def by_token(self, token: str) -> Account | None:
        """The account that a program's token stands for."""
        with self._file.used() as db:
            row = db.execute("select name, role from accounts where token = ?", (_digest(token),)).fetchone()
        return Account(name=row[0], role=_role(row[1])) if row else None

    def proof(self, name: str) -> str:
        """Changes with the account's role and password; empty where there is no account. A session that was begun
        with another one is over."""
        with self._file.used() as db:
            row = db.execute("select role, password from accounts where name = ?", (name,)).fetchone()
        return _digest(f"{row[0]} {row[1]}") if row else ""

    def check(self, name: str, password: str) -> Account | None:
        """The account, when the password is right. Takes as long for a name that does not exist."""
        with self._file.used() as db:
            row = db.execute("select password from accounts where name = ?", (name,)).fetchone()
        with self._checking:
            right = _right(row[0] if row else None, password)
        return self.get(name) if right else None

    def _known(self, name: str) -> None:
        if self.get(name) is None:
            raise InputError(f"there is no account '{name[:64]}'", hint="see: preceptor review-user list")


def _role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    raise InputError(f"there is no role '{text[:40]}'", hint=f"one of: {', '.join(ROLES)}")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _hashed(password: str) -> str:
    if not _LEAST_PASSWORD <= len(password) <= 256:
        raise InputError("the password is too short or too long", hint=f"{_LEAST_PASSWORD} to 256 characters")
    from argon2 import PasswordHasher  # noqa: PLC0415 - only where passwords are used

    return PasswordHasher().hash(password)


def _right(stored: str | None, password: str) -> bool:
    from argon2 import PasswordHasher  # noqa: PLC0415
    from argon2.exceptions import Argon2Error, InvalidHashError  # noqa: PLC0415

    hasher = PasswordHasher()
    if stored is None:
        hasher.hash(password[:256])
        return False
    try:
        return hasher.verify(stored, password[:256])
    except (Argon2Error, InvalidHashError):
        return False
