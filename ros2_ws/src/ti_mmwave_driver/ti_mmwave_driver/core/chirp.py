"""What a chirp and frame design achieves: the firmware's own formulas.

Sources: mmWave SDK 3.5 user guide and ``mmwdemo_rfparser.c`` (speed of light taken as 3.0e8 there),
IWR6843 data sheet (band 57 to 64 GHz from two oscillators), Texas Instruments SWRA553.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SPEED_OF_LIGHT_M_S = 3.0e8
SLOPE_STEP_MHZ_US = 0.0362098
L3_MEMORY_BYTES = 768 * 1024
ADC_BUFFER_BYTES = 32_768
BYTES_PER_SAMPLE = 4
USABLE_RANGE_FRACTION = 0.8
"""The firmware's own advice: beyond it the anti-alias filter takes the signal away."""

OSCILLATOR_BANDS_GHZ = ((57.0, 60.75), (60.0, 64.0))


def next_power_of_two(count: int) -> int:
    """Smallest power of two that is at least ``count``."""
    return 1 << max(count - 1, 0).bit_length()


@dataclass(frozen=True)
class ChirpDesign:
    """Chirp and frame parameters of one (sub)frame.

    Attributes:
        start_ghz: Start of the ramp.
        idle_us: Time between ramps.
        adc_start_us: Start of sampling after the start of the ramp.
        ramp_us: Duration of the ramp.
        slope_mhz_us: Wanted slope; the synthesizer rounds it down to a multiple of 36.21 kHz/us.
        samples: Samples per chirp.
        sample_rate_ksps: Complex samples per millisecond.
        transmitters: Chirps per loop with different transmit antennas (TDM), 1 to 3.
        receivers: Enabled receive antennas, 1 to 4.
        loops: Chirps per transmitter and frame.
        period_ms: Frame period.
    """

    start_ghz: float
    idle_us: float
    adc_start_us: float
    ramp_us: float
    slope_mhz_us: float
    samples: int
    sample_rate_ksps: float
    transmitters: int
    receivers: int
    loops: int
    period_ms: float

    @property
    def slope_code(self) -> int:
        """Slope in steps of the synthesizer."""
        return int(self.slope_mhz_us / SLOPE_STEP_MHZ_US)

    @property
    def actual_slope_mhz_us(self) -> float:
        """Slope that the synthesizer makes, in MHz/us."""
        return self.slope_code * SLOPE_STEP_MHZ_US

    @property
    def end_ghz(self) -> float:
        """Frequency at the end of the ramp."""
        return self.start_ghz + self.actual_slope_mhz_us * self.ramp_us * 1e-3

    @property
    def sampling_us(self) -> float:
        """Duration of sampling."""
        return self.samples / self.sample_rate_ksps * 1e3

    @property
    def bandwidth_mhz(self) -> float:
        """Bandwidth swept while sampling."""
        return self.actual_slope_mhz_us * self.sampling_us

    @property
    def wavelength_m(self) -> float:
        """Wavelength at the centre of the sampled sweep."""
        centre_mhz = self.start_ghz * 1e3 + self.actual_slope_mhz_us * self.adc_start_us
        return SPEED_OF_LIGHT_M_S / ((centre_mhz + self.bandwidth_mhz / 2) * 1e6)

    @property
    def chirp_us(self) -> float:
        """Chirp repetition time."""
        return self.idle_us + self.ramp_us

    @property
    def range_resolution_m(self) -> float:
        """Smallest distance between two objects that are told apart."""
        return SPEED_OF_LIGHT_M_S / (2e6 * self.bandwidth_mhz)

    @property
    def max_range_m(self) -> float:
        """Range whose beat frequency is the sample rate."""
        return SPEED_OF_LIGHT_M_S * self.sample_rate_ksps * 1e3 / (2e12 * self.actual_slope_mhz_us)

    @property
    def usable_range_m(self) -> float:
        """80 % of the longest range."""
        return USABLE_RANGE_FRACTION * self.max_range_m

    @property
    def max_velocity_m_s(self) -> float:
        """Unambiguous radial velocity, plus or minus."""
        return self.wavelength_m / (4e-6 * self.transmitters * self.chirp_us)

    @property
    def velocity_resolution_m_s(self) -> float:
        """Smallest difference of radial velocity that is told apart."""
        return self.wavelength_m / (2e-6 * self.transmitters * self.loops * self.chirp_us)

    @property
    def active_ms(self) -> float:
        """Time of a frame in which chirps are sent."""
        return self.transmitters * self.loops * self.chirp_us * 1e-3

    @property
    def duty_cycle(self) -> float:
        """Active time as a fraction of the frame period."""
        return self.active_ms / self.period_ms

    @property
    def range_bins(self) -> int:
        """Length of the range FFT."""
        return next_power_of_two(self.samples)

    @property
    def doppler_bins(self) -> int:
        """Length of the Doppler FFT; the firmware makes it at least 16."""
        return max(next_power_of_two(self.loops), 16)

    @property
    def virtual_antennas(self) -> int:
        """Transmitters times receivers."""
        return self.transmitters * self.receivers

    @property
    def memory_bytes(self) -> int:
        """Radar cube and detection matrix in L3 memory."""
        cube = self.range_bins * self.loops * self.virtual_antennas * BYTES_PER_SAMPLE
        return cube + self.range_bins * self.doppler_bins * 2

    @property
    def adc_buffer_bytes(self) -> int:
        """ADC buffer for one chirp."""
        return self.samples * BYTES_PER_SAMPLE * self.receivers

    @property
    def fits_one_oscillator(self) -> bool:
        """Whether the whole ramp lies in the band of one oscillator."""
        low, high = sorted((self.start_ghz, self.end_ghz))
        return any(first <= low and high <= last for first, last in OSCILLATOR_BANDS_GHZ)

    @property
    def is_complete(self) -> bool:
        """Whether every figure is positive, so that the formulas above make sense."""
        figures = (
            self.start_ghz,
            self.ramp_us,
            self.slope_code,
            self.samples,
            self.sample_rate_ksps,
            self.transmitters,
            self.receivers,
            self.loops,
            self.period_ms,
            self.chirp_us,
        )
        return all(math.isfinite(figure) and figure > 0 for figure in figures)
