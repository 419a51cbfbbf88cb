#!/bin/sh
# ffi-doctor in any CI that runs a shell script. Copy it as it is into your project, which has ffi-doctor among its devDependencies and an
# ffi-doctor.config.json, and call it after `npm ci` and after your native code was built with debug information (-g).
# Keep the folder ffi-doctor-ci as an artifact: it holds the reports, and all that they were made from.
set -u

install() {
  if [ "$(id -u)" = 0 ]; then
    apt-get update && apt-get install -y "$@"
  else
    sudo apt-get update && sudo apt-get install -y "$@"
  fi
}
command -v gdb > /dev/null || install gdb

rm -rf ffi-doctor-ci
npx --no -- ffi-doctor ci --out ffi-doctor-ci \
  --format markdown=ffi-doctor-ci/summary.md \
  --format junit=ffi-doctor-ci/junit.xml
status=$?

case $status in
  0) echo "ffi-doctor: nothing new" ;;
  1) echo "ffi-doctor: new findings; what is accepted goes into the baseline: npx ffi-doctor ci --update-baseline" ;;
  2) echo "ffi-doctor: the configuration or the command line is wrong, see above" ;;
  3) echo "ffi-doctor: not everything could be answered, see above; that is not the same as clean" ;;
esac
exit "$status"
