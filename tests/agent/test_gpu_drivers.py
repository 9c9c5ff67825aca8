"""The driver libraries, imitated: each field may fail alone, and nothing of theirs escapes."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from llmlb.agent.gpu_drivers import AmdSmi, AppleMetal, DriverError, GpuFigures, Nvml, _library, degrees, percent, whole
from llmlb.agent.score import Gpu


class NVMLError(Exception):
    pass


class AmdSmiException(Exception):
    pass


def fails(error: type[Exception]) -> Callable[..., Any]:
    def call(*_: object) -> Any:
        raise error("Not Supported")

    return call


def module(name: str, **members: object) -> ModuleType:
    library = ModuleType(name)
    for member, value in members.items():
        setattr(library, member, value)
    return library


def nvml(**changed: object) -> ModuleType:
    """An H100 as nvidia-ml-py shows it."""
    members: dict[str, object] = {
        "NVMLError": NVMLError,
        "NVML_TEMPERATURE_GPU": 0,
        "NVML_CLOCK_MEM": 2,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: f"handle-{index}",
        "nvmlDeviceGetName": lambda _: "NVIDIA H100 80GB HBM3",
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=81_559 << 20, used=62_000 << 20, free=0),
        "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=45, memory=20),
        "nvmlDeviceGetTemperature": lambda _, sensor: 65,
        "nvmlDeviceGetMaxClockInfo": lambda _, kind: 2_619,
        "nvmlDeviceGetMemoryBusWidth": lambda _: 5_120,
    }
    return module("pynvml", **(members | changed))


def test_nvml_reports_a_card_and_its_figures() -> None:
    card = Gpu("NVIDIA H100 80GB HBM3", vram_mb=81_559, memory_clock_mhz=2_619, bus_width_bits=5_120)
    assert Nvml(nvml()).read() == [GpuFigures(card, usage=45.0, temperature=65.0, vram_used_mb=62_000)]


def test_a_gpu_in_mig_mode_has_no_usage_and_keeps_everything_else() -> None:
    (figures,) = Nvml(nvml(nvmlDeviceGetUtilizationRates=fails(NVMLError))).read()
    assert (figures.usage, figures.temperature, figures.vram_used_mb) == (None, 65.0, 62_000)


def test_a_gpu_with_shared_memory_has_no_total() -> None:
    (figures,) = Nvml(nvml(nvmlDeviceGetMemoryInfo=fails(NVMLError))).read()
    assert (figures.card.vram_mb, figures.vram_used_mb, figures.usage) == (None, None, 45.0)


def test_an_old_library_without_a_function_costs_only_that_field() -> None:
    library = nvml()
    del library.nvmlDeviceGetMemoryBusWidth
    (figures,) = Nvml(library).read()
    assert (figures.card.bus_width_bits, figures.usage) == (None, 45.0)


def test_a_name_in_bytes_is_a_name() -> None:
    (figures,) = Nvml(nvml(nvmlDeviceGetName=lambda _: b"Tesla T4")).read()
    assert figures.card.model == "Tesla T4"


@pytest.mark.parametrize("broken", [{"nvmlDeviceGetCount": fails(NVMLError)}, {"nvmlDeviceGetCount": lambda: 0}])
def test_a_driver_that_lists_no_gpu_is_a_driver_error(broken: dict[str, object]) -> None:
    with pytest.raises(DriverError):
        Nvml(nvml(**broken)).read()


def test_a_missing_driver_is_a_driver_error_and_not_a_traceback() -> None:
    with pytest.raises(DriverError, match="Not Supported"):
        Nvml(nvml(nvmlInit=fails(NVMLError)))


def test_closing_never_raises() -> None:
    Nvml(nvml(nvmlShutdown=fails(NVMLError))).close()
    AmdSmi(amdsmi(amdsmi_shut_down=fails(AmdSmiException))).close()


def amdsmi(**changed: object) -> ModuleType:
    """An MI300X as amdsmi shows it."""
    members: dict[str, object] = {
        "AmdSmiException": AmdSmiException,
        "AmdSmiTemperatureType": SimpleNamespace(HOTSPOT="hot", EDGE="edge"),
        "AmdSmiTemperatureMetric": SimpleNamespace(CURRENT="now"),
        "amdsmi_init": lambda: None,
        "amdsmi_shut_down": lambda: None,
        "amdsmi_get_processor_handles": lambda: ["handle"],
        "amdsmi_get_gpu_asic_info": lambda _: {"market_name": "AMD Instinct MI300X"},
        "amdsmi_get_gpu_vram_usage": lambda _: {"vram_total": 196_592, "vram_used": 283},
        "amdsmi_get_gpu_activity": lambda _: {"gfx_activity": 12, "umc_activity": 3, "mm_activity": "N/A"},
        "amdsmi_get_temp_metric": lambda _, place, metric: {"hot": 58, "edge": 51}[place],
    }
    return module("amdsmi", **(members | changed))


def test_amdsmi_reports_a_card_and_its_figures() -> None:
    expected = GpuFigures(Gpu("AMD Instinct MI300X", vram_mb=196_592), usage=12.0, temperature=58.0, vram_used_mb=283)
    assert AmdSmi(amdsmi()).read() == [expected]


def test_a_sensor_that_is_absent_falls_back_to_the_edge() -> None:
    def temperature(_: object, place: str, metric: str) -> int:
        if place == "hot":
            raise AmdSmiException("not supported")
        return 51

    (figures,) = AmdSmi(amdsmi(amdsmi_get_temp_metric=temperature)).read()
    assert figures.temperature == 51


def test_fields_that_amdsmi_marks_as_absent_are_absent() -> None:
    (figures,) = AmdSmi(amdsmi(amdsmi_get_gpu_activity=lambda _: {"gfx_activity": "N/A"})).read()
    assert figures.usage is None


def test_apple_reports_model_and_memory_and_no_load() -> None:
    info = {"device_name": "Apple M2 Max", "memory_size": 64 << 30, "architecture": "applegpu_g14s"}
    metal = AppleMetal(module("mlx.core", device_info=lambda: info))
    assert metal.read() == [GpuFigures(Gpu("Apple M2 Max", vram_mb=65_536))]


def test_apple_without_metal_is_a_driver_error() -> None:
    with pytest.raises(DriverError):
        AppleMetal(module("mlx.core", device_info=fails(RuntimeError)))


def test_a_library_that_is_not_installed_is_a_driver_error() -> None:
    with pytest.raises(DriverError, match="no_such_gpu_library is not installed"):
        _library("no_such_gpu_library")


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (percent, 45, 45.0),
        (percent, 101, None),
        (percent, -1, None),
        (percent, "N/A", None),
        (percent, float("nan"), None),
        (percent, 10**400, None),
        (degrees, -51, None),
        (degrees, 150, 150.0),
        (degrees, None, None),
        (whole, 2**64 - 1, None),
        (whole, True, None),
        (whole, 7.9, 7),
    ],
)
def test_figures_outside_their_range_are_no_figures(
    read: Callable[[object], object], value: object, expected: object
) -> None:
    assert read(value) == expected
