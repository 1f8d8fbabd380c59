// SPDX-License-Identifier: Apache-2.0
// The reasons of failed probes in Chinese, in short: pack.py fills CHINESE in from doctor's catalogue.

const CHINESE = {};

export const reasonInChinese = (reason) => CHINESE[reason];
