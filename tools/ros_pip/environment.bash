# Enters the environment: source this file, or use `./run exec` and `./run shell`.
# shellcheck shell=bash

_gait_reid_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# An interpreter of another environment leaves this guard behind; with it, ours would not find ROS.
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE

export VIRTUAL_ENV=$_gait_reid_root/.venv
case "$PATH" in
  "$VIRTUAL_ENV/bin:"*) ;;
  *) export PATH=$VIRTUAL_ENV/bin:$PATH ;;
esac

GAIT_REID_ROS=$(sed -n 's/.*"ros": "\(.*\)".*/\1/p' "$VIRTUAL_ENV/installed.json" 2>/dev/null || true)
export GAIT_REID_ROS=${GAIT_REID_ROS:-wheels}
if [ "$GAIT_REID_ROS" = wheels ]; then
  case ":${AMENT_PREFIX_PATH:-}:" in
    *":$VIRTUAL_ENV:"*) ;;
    *) export AMENT_PREFIX_PATH=$VIRTUAL_ENV ;;
  esac
fi
if [ -f "$_gait_reid_root/ros2_ws/install/local_setup.bash" ]; then
  # shellcheck disable=SC1091
  source "$_gait_reid_root/ros2_ws/install/local_setup.bash"
fi

# Commands lie where `ros2 run` looks for executables; here they can be called by name.
for _gait_reid_commands in "$_gait_reid_root"/ros2_ws/install/*/lib/{gait_reid,ti_mmwave}*; do
  case "$_gait_reid_commands:$PATH:" in
    *"*"* | *":$_gait_reid_commands:"*) ;;
    */python*) ;;
    *) export PATH=$PATH:$_gait_reid_commands ;;
  esac
done
unset _gait_reid_commands

# A shared-memory segment that holds large messages, and buffers that are reused instead of mapped
# anew for each of them.
_gait_reid_profile=$_gait_reid_root/launch/config/fastdds_shm.xml
export FASTRTPS_DEFAULT_PROFILES_FILE=${FASTRTPS_DEFAULT_PROFILES_FILE:-$_gait_reid_profile}
export FASTDDS_DEFAULT_PROFILES_FILE=${FASTDDS_DEFAULT_PROFILES_FILE:-$_gait_reid_profile}
export MALLOC_MMAP_THRESHOLD_=${MALLOC_MMAP_THRESHOLD_:-268435456}
export MALLOC_TRIM_THRESHOLD_=${MALLOC_TRIM_THRESHOLD_:-536870912}
unset _gait_reid_root _gait_reid_profile
