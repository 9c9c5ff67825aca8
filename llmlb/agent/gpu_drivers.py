"""The driver libraries behind ``gpus``: each is imported only when it is tried, and none has to be installed."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

from llmlb.agent.score import Gpu
from llmlb.errors import LlmlbError

MIB = 1024 * 1024

_MAX_MB = 64 * MIB
_MAX_NUMBER = 1e18
_TEMPERATURE_RANGE_C = (-50.0, 150.0)


class DriverError(LlmlbError):
    """The GPU driver cannot be asked."""


@dataclass(frozen=True, slots=True)
class GpuFigures:
    """One GPU now.  usage: percent 0..100.  temperature: degrees C.  None: it does not tell."""

    card: Gpu
    usage: float | None = None
    temperature: float | None = None
    vram_used_mb: int | None = None


class Driver(Protocol):
    """An opened driver library. ``read`` raises DriverError once the driver is gone."""

    def read(self) -> Sequence[GpuFigures]:
        """All GPUs, in the driver's order."""
        ...

    def close(self) -> None:
        """Let go of the library; never raises."""
        ...


class Nvml:
    """NVIDIA's management library."""

    def __init__(self, library: ModuleType) -> None:
        self._nvml = library
        try:
            library.nvmlInit()
        except library.NVMLError as error:
            raise DriverError(f"NVML does not start: {error}") from error

    def read(self) -> Sequence[GpuFigures]:
        try:
            handles = [self._nvml.nvmlDeviceGetHandleByIndex(index) for index in range(self._nvml.nvmlDeviceGetCount())]
        except self._nvml.NVMLError as error:
            raise DriverError(f"NVML cannot list the GPUs: {error}") from error
        if not handles:
            raise DriverError("NVML knows no GPU")
        return [self._figures(handle) for handle in handles]

    def close(self) -> None:
        self._field(self._nvml.nvmlShutdown)

    def _figures(self, handle: object) -> GpuFigures:
        nvml = self._nvml
        memory = self._field(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        load = self._field(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
        heat = self._field(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
        name = self._field(lambda: nvml.nvmlDeviceGetName(handle))
        card = Gpu(
            model=name.decode(errors="replace") if isinstance(name, bytes) else str(name or "NVIDIA GPU"),
            vram_mb=megabytes(getattr(memory, "total", None)),
            memory_clock_mhz=whole(self._field(lambda: nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_MEM))),
            bus_width_bits=whole(self._field(lambda: nvml.nvmlDeviceGetMemoryBusWidth(handle))),
        )
        return GpuFigures(
            card,
            usage=percent(getattr(load, "gpu", None)),
            temperature=degrees(heat),
            vram_used_mb=megabytes(getattr(memory, "used", None)),
        )

    def _field(self, ask: Callable[[], object]) -> object:
        """One answer, or None: each field may be unsupported on its own, also by an old library."""
        try:
            return ask()
        except (self._nvml.NVMLError, AttributeError):
            return None


class AmdSmi:
    """AMD's management library, from the ROCm packages."""

    def __init__(self, library: ModuleType) -> None:
        self._smi = library
        try:
            library.amdsmi_init()
        except library.AmdSmiException as error:
            raise DriverError(f"amdsmi does not start: {error}") from error

    def read(self) -> Sequence[GpuFigures]:
        try:
            handles = self._smi.amdsmi_get_processor_handles()
        except self._smi.AmdSmiException as error:
            raise DriverError(f"amdsmi cannot list the GPUs: {error}") from error
        if not handles:
            raise DriverError("amdsmi knows no GPU")
        return [self._figures(handle) for handle in handles]

    def close(self) -> None:
        self._field(self._smi.amdsmi_shut_down)

    def _figures(self, handle: object) -> GpuFigures:
        smi = self._smi
        chip = _fields(self._field(lambda: smi.amdsmi_get_gpu_asic_info(handle)))
        memory = _fields(self._field(lambda: smi.amdsmi_get_gpu_vram_usage(handle)))
        load = _fields(self._field(lambda: smi.amdsmi_get_gpu_activity(handle)))
        total_mb = whole(memory.get("vram_total"))
        card = Gpu(model=str(chip.get("market_name") or "AMD GPU"), vram_mb=total_mb or None)
        return GpuFigures(
            card,
            usage=percent(load.get("gfx_activity")),
            temperature=self._temperature(handle),
            vram_used_mb=whole(memory.get("vram_used")),
        )

    def _temperature(self, handle: object) -> float | None:
        """The hottest place that the chip tells; the edge sensor is absent on the data-centre ones."""
        hottest = degrees(self._sensor(handle, "HOTSPOT"))
        return degrees(self._sensor(handle, "EDGE")) if hottest is None else hottest

    def _sensor(self, handle: object, place: str) -> object:
        smi = self._smi
        return self._field(
            lambda: smi.amdsmi_get_temp_metric(
                handle, getattr(smi.AmdSmiTemperatureType, place), smi.AmdSmiTemperatureMetric.CURRENT
            )
        )

    def _field(self, ask: Callable[[], object]) -> object:
        try:
            return ask()
        except (self._smi.AmdSmiException, AttributeError):
            return None


class AppleMetal:
    """Apple's GPU through mlx, which tells the model and the memory, not the load."""

    def __init__(self, mlx: ModuleType) -> None:
        self._device_info = getattr(mlx, "device_info", None) or mlx.metal.device_info
        try:
            self._device_info()
        except (RuntimeError, ValueError) as error:
            raise DriverError(f"there is no Metal device: {error}") from error

    def read(self) -> Sequence[GpuFigures]:
        device = _fields(self._device_info())
        model = str(device.get("device_name") or platform.processor() or "Apple GPU")
        return [GpuFigures(Gpu(model=model, vram_mb=megabytes(device.get("memory_size"))))]

    def close(self) -> None:
        pass


def open_nvml() -> Driver:
    """NVML; raises DriverError where its library or a driver is missing."""
    return Nvml(_library("pynvml"))


def open_amdsmi() -> Driver:
    """amdsmi; raises DriverError where it is not installed or finds no driver."""
    return AmdSmi(_library("amdsmi"))


def open_metal() -> Driver:
    """mlx; raises DriverError where it is not installed or finds no Metal device."""
    return AppleMetal(_library("mlx.core"))


DRIVERS: tuple[Callable[[], Driver], ...] = (open_nvml, open_amdsmi, open_metal)


def percent(value: object) -> float | None:
    """A percentage 0..100, None for what is none ("N/A", a negative error value)."""
    number = _number(value)
    return number if number is not None and 0 <= number <= 100 else None


def degrees(value: object) -> float | None:
    """A temperature in degrees C as sensors give it, -50..150, else None."""
    number = _number(value)
    low, high = _TEMPERATURE_RANGE_C
    return number if number is not None and low <= number <= high else None


def whole(value: object) -> int | None:
    """A whole number >= 0, else None."""
    number = _number(value)
    return int(number) if number is not None and 0 <= number <= _MAX_MB else None


def megabytes(size_bytes: object) -> int | None:
    """Bytes as MiB, None for nothing or for no number."""
    number = _number(size_bytes)
    return whole(number // MIB) if number else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # NVML marks an absent figure with the largest integer, amdsmi with "N/A".
    return float(value) if -_MAX_NUMBER < value < _MAX_NUMBER else None


def _fields(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, KeyError, AttributeError) as error:
        # A half-installed ROCm package fails in all four ways while it looks for its shared library.
        raise DriverError(f"{name} is not installed here") from error
