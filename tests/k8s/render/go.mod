// SPDX-License-Identifier: Apache-2.0
module postern.test/render

go 1.19
