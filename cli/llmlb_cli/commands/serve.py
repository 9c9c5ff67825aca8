"""llmlb serve"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(metavar="HOST", help="Address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Port to listen on; default 8080.")] = None,
    tls_cert: Annotated[
        str | None, typer.Option(metavar="FILE", help="PEM file with the certificate and its chain: serve HTTPS.")
    ] = None,
    tls_key: Annotated[str | None, typer.Option(metavar="FILE", help="PEM file with its private key.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="config.toml; default ./config.toml.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Databases and secrets. [env: LLMLB_DATA_DIR]")
    ] = None,
    dev: Annotated[
        bool, typer.Option("--dev", help="For a look on this machine: loopback only, login admin/test, short times.")
    ] = False,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes; only 1 works.")] = None,
    log_level: Annotated[str | None, typer.Option(metavar="LEVEL", help="debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, typer.Option(metavar="FORMAT", help="text or json.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Check the configuration and the store, then exit.")] = False,
) -> int:
    """Run the router until SIGTERM or Ctrl-C; running requests may finish, a second signal ends it at once.

    Settings come from config.toml, then the environment, then these flags. llmlb config show --origin tells which.

    Examples:
      llmlb serve
      llmlb serve --host 0.0.0.0 --port 8080 --config /etc/llmlb/config.toml
      llmlb serve --dev
    """
    import gc

    # Nothing that an import makes is garbage; looking for some costs a tenth of the start. run() turns it on again.
    gc.disable()
    from llmlb.runtime.serve import ServeOptions, run

    options = ServeOptions(
        host=host,
        port=port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        config_file=config,
        data_dir=data_dir,
        dev=dev,
        workers=workers,
        log_level=log_level,
        log_format=log_format,
        check=check,
    )
    return run(options)
