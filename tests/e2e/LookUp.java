// SPDX-License-Identifier: Apache-2.0
// A lookup by Java: the outcome, then the addresses. As look_up.c.
import java.net.InetAddress;
import java.net.UnknownHostException;

class LookUp {
    public static void main(String[] arguments) {
        try {
            InetAddress[] found = InetAddress.getAllByName(arguments[0]);
            System.out.println("answered");
            for (InetAddress address : found)
                System.out.println(address.getHostAddress());
        } catch (UnknownHostException e) {
            System.out.println("no such name");
        }
    }
}
