# SPDX-License-Identifier: Apache-2.0
# Run by cpack before it makes a package: every file gets the time of the release. rpm itself only makes younger ones older,
# so files of an older checkout would give other bytes.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND find ${CPACK_TEMPORARY_INSTALL_DIRECTORY} -exec touch -h -d @$ENV{SOURCE_DATE_EPOCH} {} +
    COMMAND_ERROR_IS_FATAL ANY)
endif()
